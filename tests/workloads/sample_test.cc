// The embedded sample is there without any config, always the same, and worth comparing on.
#include <map>

#include <gtest/gtest.h>

#include "tests/workloads/drain.h"

namespace kvsim {
namespace {

std::vector<Request> sample(std::string_view settings = "{}", std::uint64_t seed = 1) {
  const ConfigView config = ConfigView::parse(settings, "test.json");
  const WorkloadSource::Setup setup{config, seed};
  EXPECT_EQ(workload_kind(config), "sample");
  return drain(*Registry<WorkloadSource>::make("sample", setup));
}

TEST(Sample, IsOneFixedWorkload) {
  const auto all = sample("{}", 1);
  const auto again = sample("{}", 2);
  ASSERT_EQ(all.size(), 600U);
  ASSERT_EQ(again.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].content, again[i].content);
}

TEST(Sample, ObeysLimitAndRateScale) {
  const auto all = sample();
  const auto fast = sample(R"({"workload": {"limit": 10, "rate_scale": 2}})");
  ASSERT_EQ(fast.size(), 10U);
  EXPECT_LT(fast.back().arrival, all.back().arrival);
}

TEST(Sample, HasSharedPrefixesSessionsAndPriorities) {
  std::int64_t later_turns = 0;
  std::map<std::int32_t, int> priorities;
  Time last{};
  for (const Request& r : sample()) {
    EXPECT_EQ(r.content.tokens(), r.prompt + r.output);
    EXPECT_GE(r.arrival, last);
    last = r.arrival;
    later_turns += r.turn > 0 ? 1 : 0;
    ++priorities[r.priority];
  }
  EXPECT_GT(later_turns, 300);
  EXPECT_EQ(priorities.size(), 3U);
}

}  // namespace
}  // namespace kvsim
