// A config mistake is told in one line: the file, the place, the cure.
#include "sim/core/config_view.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/test/block", "16", "tokens", 1, 512, "A size."),
    word_field(
        "/test/eviction", "lru", "policy",
        [] {
          return std::vector<std::string>{"fifo", "lfu", "lru", "priority"};
        },
        "A word."),
    number_field("/test/rate", "null", "requests/s", 0, 1000, "Absent unless set."),
    tree_field("/test/tree", "{}", "Anything."),
};

std::string error_of(const std::string& text) {
  try {
    (void)ConfigView::parse(text, "configs/a.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConfigView, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(error_of(R"({"test": {"block": 0}})"),
            "configs/a.json: /test/block: expected 1 to 512, got 0");
  EXPECT_EQ(error_of(R"({"test": {"block": "x"}})"),
            "configs/a.json: /test/block: expected an integer, got 'x'");
  EXPECT_EQ(error_of(R"({"test": {"block": null}})"),
            "configs/a.json: /test/block: expected a value, got null");
  EXPECT_EQ(error_of(R"({"test": 3})"), "configs/a.json: /test: expected an object, got 3");
  EXPECT_EQ(error_of(R"([])"), "configs/a.json: /: expected an object of config fields, got []");
}

TEST(ConfigView, SuggestsTheWordThatWasMeant) {
  EXPECT_EQ(error_of(R"({"test": {"eviction": "lrru"}})"),
            "configs/a.json: /test/eviction: no policy named 'lrru'; known: fifo, lfu, lru, "
            "priority (did you mean 'lru'?)");
  EXPECT_EQ(error_of(R"({"test": {"blok": 1}})"),
            "configs/a.json: /test/blok: unknown field (did you mean 'block'?)");
  EXPECT_EQ(error_of(R"({"test": {"zzzzzz": 1}})"),
            "configs/a.json: /test/zzzzzz: unknown field; known here: block, eviction, rate, tree");
}

TEST(ConfigView, SaysWhereTheJsonBreaks) {
  EXPECT_TRUE(error_of("{\n  \"test\": {,}\n}").starts_with("configs/a.json:2:12: not JSON: "))
      << error_of("{\n  \"test\": {,}\n}");
}

TEST(ConfigView, TakesOverridesAndFallsBackToDefaults) {
  ConfigView view = ConfigView::parse("{/* comment */ \"test\": {\"block\": 8}}", "a.json");
  EXPECT_EQ(view.integer("/test/block"), 8);
  EXPECT_EQ(view.text("/test/eviction"), "lru");
  EXPECT_FALSE(view.has("/test/rate"));
  view.set("/test/block=32");
  view.set("/test/eviction=fifo");
  view.set("/test/tree/a/b=1");
  EXPECT_EQ(view.integer("/test/block"), 32);
  EXPECT_EQ(view.text("/test/eviction"), "fifo");
  EXPECT_EQ(view.tree("/test/tree").dump(), R"({"a":{"b":1}})");
  try {
    view.set("/test/block=0");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "--set: /test/block: expected 1 to 512, got 0");
  }
}

TEST(ConfigView, DigestsMeaningNotText) {
  const ConfigView a = ConfigView::parse(R"({"test": {"block": 16}})", "a.json");
  const ConfigView b = ConfigView::parse("{}", "b.json");
  const ConfigView c = ConfigView::parse(R"({"test": {"block": 17}})", "a.json");
  EXPECT_EQ(a.digest(), b.digest());
  EXPECT_NE(a.digest(), c.digest());
  EXPECT_EQ(b.identity().dump(), "{}");
  EXPECT_EQ(c.identity().dump(), R"({"/test/block":17})");
}

// A digest is kept in baselines: fields that are declared later must not change it, notes never.
TEST(ConfigView, DigestsNeitherDefaultsNorNotes) {
  const ConfigView config = ConfigView::parse(R"({"test": {"block": 17}})", "a.json");
  const std::string before = config.digest();
  config_fields()["/test/added_later"] = integer_field("/test/added_later", "1", "", 0, 9, "New.");
  config_fields()["/test/remark"] = note(text_field("/test/remark", "\"\"", "A note."));
  EXPECT_EQ(config.digest(), before);
  ConfigView remarked = config;
  remarked.set("/test/remark=why");
  EXPECT_EQ(remarked.digest(), before);
  remarked.set("/test/added_later=2");
  EXPECT_NE(remarked.digest(), before);
  config_fields().erase("/test/added_later");
  config_fields().erase("/test/remark");
}

}  // namespace
}  // namespace kvsim
