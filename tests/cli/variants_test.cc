// What compare runs.
#include "sim/cli/variants.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Words = std::vector<std::string>;

Words labels_of(const std::vector<PlannedRun>& runs) {
  Words labels;
  for (const PlannedRun& run : runs) labels.push_back(run.label);
  return labels;
}

LoadedConfig with_variants(const char* variants) {
  LoadedConfig loaded;
  loaded.origin = "a.json";
  loaded.variants = nlohmann::ordered_json::parse(variants);
  return loaded;
}

TEST(SplitValues, LeavesJsonAndQuotesWhole) {
  EXPECT_EQ(split_values("a,b,c"), (Words{"a", "b", "c"}));
  EXPECT_EQ(split_values("16"), (Words{"16"}));
  EXPECT_EQ(split_values(""), (Words{""}));
  EXPECT_EQ(split_values("[1,2],[3]"), (Words{"[1,2]", "[3]"}));
  EXPECT_EQ(split_values(R"({"a":1,"b":[2,3]},{})"), (Words{R"({"a":1,"b":[2,3]})", "{}"}));
  EXPECT_EQ(split_values(R"("a,b",c)"), (Words{R"("a,b")", "c"}));
  EXPECT_EQ(split_values(R"("a\",]b",c)"), (Words{R"("a\",]b")", "c"}));
}

TEST(Variants, SpanACrossProductFirstListSlowest) {
  const auto runs = plan_variants(
      {}, {"/cache/block_size=16,32", "/cache/eviction=lru,fifo", "/cache/allocator=paged"});
  EXPECT_EQ(labels_of(runs), (Words{"block_size=16 eviction=lru", "block_size=16 eviction=fifo",
                                    "block_size=32 eviction=lru", "block_size=32 eviction=fifo"}));
  EXPECT_EQ(runs[3].config.integer("/cache/block_size"), 32);
  EXPECT_EQ(runs[3].config.text("/cache/eviction"), "fifo");
  EXPECT_EQ(runs[3].settings.dump(), R"({"/cache/block_size":32,"/cache/eviction":"fifo"})");
}

TEST(Variants, AreThoseOfTheConfigUnlessThereAreLists) {
  const LoadedConfig loaded =
      with_variants(R"({"small": {"/cache/block_size": 8}, "large": {"/cache/block_size": 64}})");
  const auto runs = plan_variants(loaded, {"/cache/eviction=fifo"});
  EXPECT_EQ(labels_of(runs), (Words{"small", "large"}));
  EXPECT_EQ(runs[1].config.integer("/cache/block_size"), 64);
  EXPECT_EQ(runs[1].config.text("/cache/eviction"), "fifo");
  EXPECT_EQ(labels_of(plan_variants(loaded, {"/cache/block_size=1,2"})),
            (Words{"block_size=1", "block_size=2"}));
}

TEST(Variants, GiveWayToSet) {
  const auto runs = plan_variants(with_variants(R"({"small": {"/cache/block_size": 8}})"),
                                  {"/cache/block_size=16"});
  EXPECT_EQ(runs[0].config.integer("/cache/block_size"), 16);
}

TEST(Variants, AreEveryManagerAndPolicyByDefault) {
  EXPECT_EQ(labels_of(plan_variants({}, {})),
            (Words{"contiguous max", "contiguous pow2", "contiguous oracle", "paged lru",
                   "paged fifo", "paged lfu", "paged priority", "paged hybrid", "radix lru"}));
}

TEST(Variants, NameTheVariantThatIsWrong) {
  try {
    (void)plan_variants(with_variants(R"({"small": {"/cache/block_size": 0}})"), {});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "a.json: /variants/small: /cache/block_size: expected 1 to 8192, got 0");
  }
}

TEST(Variants, HaveALimit) {
  std::string list = "/cache/block_size=1";
  for (int i = 2; i <= 101; ++i) list.append(",").append(std::to_string(i));
  try {
    (void)plan_variants({}, {list, "/cache/eviction=lru,fifo,lru,fifo,lru,fifo,lru,fifo,lru,fifo"});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "--set: /cache/eviction: more than 1000 variants");
  }
}

TEST(Variants, LeaveMistakesToTheConfig) {
  try {
    (void)plan_variants({}, {"cache"});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "--set: cache: expected /json/pointer=value, as in /cache/block_size=32");
  }
}

}  // namespace
}  // namespace kvsim
