// The histogram of a report: nothing is lost, and edges are close.
#include "reports/html/latencies.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

TEST(Histogram, SmallNumbersAreExact) {
  Histogram h;
  for (const int ns : {0, 5, 5, 63}) h.add(Duration(ns));
  const auto bars = h.bars();
  ASSERT_EQ(bars.size(), 3U);
  EXPECT_EQ(bars[0].upto_ms, 0);
  EXPECT_DOUBLE_EQ(bars[1].upto_ms, 5e-6);
  EXPECT_EQ(bars[1].count, 2);
  EXPECT_DOUBLE_EQ(bars[2].upto_ms, 63e-6);
}

// For any sample: as many are within an edge as were counted up to it, and the edge of a sample's
// bucket is at most 1/32 above it.
TEST(Histogram, CountsWhatIsWithinEachEdge) {
  Rng rng(7, "histogram");
  Histogram h;
  std::vector<std::int64_t> samples;
  for (int i = 0; i < 20'000; ++i) {
    samples.push_back(static_cast<std::int64_t>(rng.below(std::uint64_t{1} << rng.below(50))));
    h.add(Duration(samples.back()));
  }
  std::sort(samples.begin(), samples.end());
  std::int64_t counted = 0, below = -1;
  for (const Histogram::Bar& bar : h.bars()) {
    const std::int64_t edge = round_to_ns(bar.upto_ms * 1e-3).count();
    counted += bar.count;
    EXPECT_EQ(std::upper_bound(samples.begin(), samples.end(), edge) - samples.begin(), counted);
    const std::int64_t shortest = *std::upper_bound(samples.begin(), samples.end(), below);
    EXPECT_LE(edge, shortest + shortest / 32);
    below = edge;
  }
  EXPECT_EQ(counted, 20'000);
}

std::int64_t total(const Histogram& h) {
  std::int64_t sum = 0;
  for (const Histogram::Bar& bar : h.bars()) sum += bar.count;
  return sum;
}

void expect_like(const Histogram& h, const Quantiles& q) {
  EXPECT_EQ(total(h), q.count);
  ASSERT_FALSE(h.bars().empty());
  EXPECT_GE(h.bars().back().upto_ms, q.max * 0.999);
  EXPECT_LE(h.bars().back().upto_ms, q.max * (1 + 1.0 / 32) + 1e-6);
}

TEST(Latencies, AreTheSamplesOfTheSummary) {
  tiny::World world;
  world.requests = tiny::random_requests(3, 200, 30);
  Latencies latencies;
  const Report report = world.run({&latencies});
  expect_like(latencies.ttft, report.ttft_ms);
  expect_like(latencies.tpot, report.tpot_ms);
  expect_like(latencies.itl, report.itl_ms);
  expect_like(latencies.e2e, report.e2e_ms);
  expect_like(latencies.queue, report.queue_ms);
}

}  // namespace
}  // namespace kvsim
