// What requests of each priority got adds up to what all got.
#include "sim/engine/priority_meter.h"

#include <gtest/gtest.h>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

TEST(PriorityMeter, AddsUpToTheWhole) {
  tiny::World world;
  world.requests = tiny::random_requests(11, 200, 10);  // priorities -1, 0 and 1
  const Report report = world.run();
  ASSERT_GT(report.preemptions, 0);
  ASSERT_EQ(report.by_priority.size(), 3U);
  Report::Priority sum;
  double e2e = 0;
  std::int64_t last = -2;
  for (const Report::Priority& row : report.by_priority) {
    EXPECT_LT(last, row.priority);
    last = row.priority;
    sum.completed += row.completed;
    sum.query_tokens += row.query_tokens;
    sum.hit_tokens += row.hit_tokens;
    e2e += row.e2e_ms.mean * static_cast<double>(row.completed);
    EXPECT_EQ(row.ttft_ms.count, row.completed);
  }
  EXPECT_EQ(sum.completed, report.requests.completed);
  EXPECT_EQ(sum.query_tokens, report.prefix_cache.query_tokens);
  EXPECT_EQ(sum.hit_tokens, report.prefix_cache.hit_tokens);
  EXPECT_NEAR(e2e / static_cast<double>(sum.completed), report.e2e_ms.mean, 1e-6);
}

TEST(PriorityMeter, IsSilentAboutOneAndAboutTooMany) {
  tiny::World world;
  for (int i = 0; i < 3; ++i) world.requests.push_back(tiny::lonely(i, 20, 2));
  EXPECT_TRUE(world.run().by_priority.empty());
  for (int i = 0; i < 20; ++i) world.requests.push_back(tiny::lonely(10 + i, 20, 2, i));
  EXPECT_TRUE(world.run().by_priority.empty());
}

}  // namespace
}  // namespace kvsim
