// kvsim list: the registry, readable.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

TEST(ListVerb, ShowsNameSentenceAndFile) {
  const Outcome outcome = run_program("list routing");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(outcome.out.starts_with("routing: which replica serves a request\n")) << outcome.out;
  EXPECT_NE(outcome.out.find("  round-robin      Each replica in turn. "
                             "(policies/routing/round_robin.cpp)\n"),
            std::string::npos)
      << outcome.out;
}

TEST(ListVerb, NamesOnlyFilesThatExist) {
  const Outcome outcome = run_program("list --json");
  ASSERT_EQ(outcome.code, 0);
  const auto json = parse_json(outcome.out, "list");
  EXPECT_TRUE(json.contains("eviction"));
  for (const auto& [kind, items] : json.items())
    for (const auto& item : items) {
      const auto file = item["file"].get<std::string>();
      EXPECT_TRUE(std::filesystem::exists(std::string(KVSIM_SOURCE_DIR "/") + file)) << file;
      const bool says_what_it_is = kind != "models" && kind != "devices" && kind != "costs";
      EXPECT_TRUE(!says_what_it_is || item["summary"] != "") << file;
    }
}

TEST(ListVerb, SuggestsTheKindThatWasMeant) {
  const Outcome outcome = run_program("list evictoin");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "kvsim list: evictoin: no such kind; known: allocator, eviction, preemption, batching, "
            "routing, cost, workload, format, models, devices, costs, scenarios (did you mean "
            "'eviction'?)\n");
}

}  // namespace
}  // namespace kvsim
