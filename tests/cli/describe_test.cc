// kvsim describe: the config fields, as declared.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"
#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

TEST(DescribeVerb, ShowsOneFieldByItsPointer) {
  const Outcome outcome = run_program("describe /description");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "/description\n    What this config is for; changes nothing.\n    text, default "
            "\"\"\n");
}

TEST(DescribeVerb, FindsFieldsByAPartOfThePointer) {
  const Outcome outcome = run_program("describe --json block");
  ASSERT_EQ(outcome.code, 0);
  bool found = false;
  for (const auto& field : parse_json(outcome.out, "describe")) {
    const auto pointer = field["pointer"].get<std::string>();
    EXPECT_NE(pointer.find("block"), std::string::npos);
    if (pointer != "/cache/block_size") continue;
    found = true;
    EXPECT_EQ(field["unit"], "tokens");
    EXPECT_EQ(field["kind"], "integer");
    EXPECT_EQ(field["default"], 16);
    EXPECT_EQ(field["low"], 1);
  }
  EXPECT_TRUE(found);
}

// Every field the program has, it explains: a summary with a full stop, a default that it accepts.
TEST(DescribeVerb, ExplainsEveryField) {
  const Outcome outcome = run_program("describe --json");
  ASSERT_EQ(outcome.code, 0);
  const auto fields = parse_json(outcome.out, "describe");
  EXPECT_GT(fields.size(), 3U);
  for (const auto& field : fields) {
    const auto summary = field["summary"].get<std::string>();
    EXPECT_TRUE(summary.ends_with('.')) << field["pointer"] << summary;
    ConfigView config;
    EXPECT_NO_THROW(config.set(field["pointer"], field["default"], "default"));
  }
}

TEST(DescribeVerb, SuggestsTheFieldThatWasMeant) {
  const Outcome outcome = run_program("describe blok_size");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "kvsim describe: blok_size: no such field (did you mean 'block_size'?)\n");
  EXPECT_EQ(run_program("describe zzzzzzzz").err,
            "kvsim describe: zzzzzzzz: no such field; kvsim describe lists them all\n");
}

}  // namespace
}  // namespace kvsim
