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

// 100 bytes from 0, at a quarter of the speed between 40 and 120: 40 + 20 by 120, 40 left.
TEST(Link, IsSlowDuringASpell) {
  Link link({kGigabyte, Duration(0)});
  link.slow_down(at(40), at(120), 0.25);
  EXPECT_EQ(link.arrival(at(0), Bytes(100)), at(160));
  EXPECT_EQ(link.arrival(at(0), Bytes(40)), at(40));
  EXPECT_EQ(link.arrival(at(60), Bytes(10)), at(100));
  EXPECT_EQ(link.arrival(at(120), Bytes(10)), at(130));
}

TEST(Link, WaitsOutAnOutage) {
  Link link({kGigabyte, Duration(0)});
  link.slow_down(at(10), at(1000), 0);
  link.slow_down(at(1000), at(2000), 0);
  EXPECT_EQ(link.send(at(5), Bytes(20)), at(2015));
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
