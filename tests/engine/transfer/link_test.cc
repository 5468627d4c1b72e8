// Links against arithmetic: one wire, first come first served.
#include "sim/engine/transfer/link.h"

#include <gtest/gtest.h>

#include "sim/core/rng.h"

namespace kvsim {
namespace {

constexpr double kGigabyte = 1e9;  // a byte takes a nanosecond
Time at(std::int64_t ns) { return Time(Duration(ns)); }

TEST(Link, TakesBytesOverBandwidthAndTheLatencyOnTop) {
  Link link({kGigabyte, Duration(50)});
  EXPECT_EQ(link.arrival(at(0), Bytes(100)), at(150));
  EXPECT_EQ(link.send(at(0), Bytes(100)), at(150));
  EXPECT_EQ(link.sent(), Bytes(100));
  EXPECT_EQ(link.busy(), Duration(100));
}

// The second waits for the first's bytes, not for its latency.
TEST(Link, CarriesOneTransferAfterTheOther) {
  Link link({kGigabyte, Duration(50)});
  EXPECT_EQ(link.send(at(0), Bytes(100)), at(150));
  EXPECT_EQ(link.send(at(10), Bytes(200)), at(350));
  EXPECT_EQ(link.send(at(1000), Bytes(1)), at(1051));
}

TEST(Link, OfNothingIsThereAtOnce) {
  Link link({kGigabyte, Duration(50)});
  (void)link.send(at(0), Bytes(100));
  EXPECT_EQ(link.send(at(20), Bytes(0)), at(20));
}

// A fault of a link: `factor` times as slow from `from` until `until`.
FaultPlan::Source slow(std::int64_t from, std::int64_t until, double factor) {
  FaultPlan::Source source;
  source.next.at = at(from);
  source.next.factor = factor;
  source.lasts = Duration(until - from);
  return source;
}

Link slow_link(const std::vector<FaultPlan::Source>& faults) {
  FaultPlan plan;
  for (const FaultPlan::Source& source : faults) plan.add(source);
  Link link({kGigabyte, Duration(0)});
  link.follow(SlowSpells(plan));
  return link;
}

// 100 bytes from 0, at a quarter of the speed between 40 and 120: 40 + 20 by 120, 40 left.
TEST(Link, IsSlowDuringASpell) {
  const Link link = slow_link({slow(40, 120, 4)});
  EXPECT_EQ(link.arrival(at(0), Bytes(100)), at(160));
  EXPECT_EQ(link.arrival(at(0), Bytes(40)), at(40));
  EXPECT_EQ(link.arrival(at(60), Bytes(10)), at(100));
  EXPECT_EQ(link.arrival(at(120), Bytes(10)), at(130));
}

// A half from 0, a sixth from 20 to 80, a third until 110: 10 + 10 + 10 bytes, and 5 more.
TEST(Link, SpellsThatOverlapMultiply) {
  Link link = slow_link({slow(0, 80, 2), slow(20, 110, 3)});
  EXPECT_EQ(link.send(at(0), Bytes(30)), at(110));
  EXPECT_EQ(link.send(at(5), Bytes(5)), at(115)) << "queued";
  EXPECT_EQ(link.busy(), Duration(115));
}

// A spell for ever, and periodic ones: half the time at a third of the speed leaves two thirds.
TEST(Link, SlowForGoodAndAgainAndAgain) {
  FaultPlan::Source for_good = slow(100, 101, 5);
  for_good.lasts.reset();
  EXPECT_EQ(slow_link({for_good}).arrival(at(50), Bytes(60)), at(100 + 5 * 10));
  FaultPlan::Source again;
  again.next.factor = 3;
  again.mtbf_s = again.mttr_s = 1e-6;
  again.rng = Rng(1, "link");
  Link link = slow_link({again});
  Time now{};
  for (int i = 0; i < 1000; ++i) now = link.send(now, Bytes(20'000));
  EXPECT_NEAR(seconds(now.time_since_epoch()), 1000 * 20e-6 * 1.5, 0.01 * 30e-3);
}

TEST(Link, ForgetsWhatNobodyWaitsFor) {
  Link link({kGigabyte, Duration(50)});
  (void)link.send(at(0), Bytes(100));
  (void)link.send(at(0), Bytes(100));
  link.abandon(at(120));
  EXPECT_EQ(link.busy(), Duration(120));
  EXPECT_EQ(link.send(at(130), Bytes(10)), at(190));
  link.abandon(at(500));
  EXPECT_EQ(link.busy(), Duration(130)) << "all had left";
}

// Work conservation and order, against the textbook recurrence end = max(asked, end) + work.
TEST(Link, IsAQueueWithOneServer) {
  Rng rng(3, "link");
  Link link({kGigabyte, Duration(7)});
  std::int64_t now = 0;
  std::int64_t end = 0;
  std::int64_t bytes = 0;
  for (int i = 0; i < 1000; ++i) {
    now += static_cast<std::int64_t>(rng.below(200));
    const auto size = static_cast<std::int64_t>(1 + rng.below(180));
    end = std::max(now, end) + size;
    bytes += size;
    ASSERT_EQ(link.send(at(now), Bytes(size)), at(end + 7));
  }
  EXPECT_EQ(link.busy(), Duration(bytes));
}

}  // namespace
}  // namespace kvsim
