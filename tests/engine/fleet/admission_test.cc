// Who is turned away at the door, by hand.
#include <gtest/gtest.h>

#include "sim/engine/fleet/admission_control.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::lonely;

tiny::World world_with(const std::string& config) {
  tiny::World world;
  world.config = ConfigView::parse(config, "t");
  return world;
}

// One runs, two may wait: of five at once two are turned away, and nobody is counted twice.
TEST(Admission, AFullQueueTurnsAway) {
  tiny::World world = world_with(
      R"({"admission": {"max_waiting": 2}, "scheduler": {"max_num_seqs": 1}, "slo": {"ttft_ms": 1e6}})");
  world.requests = {lonely(0, 10, 9), lonely(5, 10, 1), lonely(6, 10, 1), lonely(7, 10, 1),
                    lonely(8, 10, 1)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.completed, 3);
  EXPECT_EQ(report.requests.rejected, 2);
  EXPECT_EQ(report.requests.rejected_queue_full, 2);
  EXPECT_FALSE(report.requests.rejected_tokens_full) << "there is no such limit";
  EXPECT_FALSE(report.requests.lost);
  EXPECT_EQ(report.slo->good, 3) << "who is turned away is not good";
}

TEST(Admission, ASecondReplicaTakesWhatTheFirstMayNot) {
  tiny::World world =
      world_with(R"({"replicas": 2, "admission": {"max_outstanding_tokens": 100}})");
  world.requests = {lonely(0, 60, 9), lonely(1, 60, 9), lonely(2, 40, 9), lonely(3, 50, 9)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.completed, 3) << "60 + 40 on one, 60 on the other";
  EXPECT_EQ(report.requests.rejected_tokens_full, 1);
  world.requests = {lonely(0, 500, 1)};
  EXPECT_EQ(world.run().requests.completed, 1) << "one request may be longer than all";
}

// 10 a second and 3 at once: of 10 in the first instant 3 come in, then one every 100 ms.
TEST(Admission, ARateLetsABurstThrough) {
  const ConfigView config =
      ConfigView::parse(R"({"admission": {"rates": {"1": {"rate": 10, "burst": 3}}}})", "t");
  AdmissionControl admission(config);
  int in = 0;
  for (int i = 0; i < 10; ++i) in += admission.within_rate(tiny::at_ms(0), 1);
  EXPECT_EQ(in, 3);
  for (int t = 0; t < 1000; ++t) in += admission.within_rate(tiny::at_ms(t), 1);
  EXPECT_EQ(in, 3 + 9);
  EXPECT_TRUE(admission.within_rate(tiny::at_ms(0), 0)) << "other priorities have no limit";
}

TEST(Admission, RejectsMoreThanItsRateAndNobodyElse) {
  tiny::World world = world_with(R"({"admission": {"rates": {"2": {"rate": 1}}}})");
  for (int i = 0; i < 20; ++i)
    world.requests.push_back(lonely(100.0 * i, 10, 1, i % 2 == 0 ? 2 : 0));
  const Report report = world.run();
  EXPECT_EQ(report.requests.rejected_over_rate, 8) << "at 0 and 1000 ms one each";
  EXPECT_EQ(report.requests.completed, 12);
}

// Who waits at the router for a slot is served first come first served, and its queue is capped
// too.
TEST(Admission, SlotsAreHandedOutInOrder) {
  tiny::World world = world_with(R"({"replicas": 2, "router": {"max_in_flight": 1}})");
  for (int i = 0; i < 5; ++i) world.requests.push_back(lonely(i, 10, 2));
  const Report report = world.run();
  // 20 ms each, two at a time: they start at 0, 1, 20, 21 and 40 ms.
  EXPECT_DOUBLE_EQ(report.queue_ms.max, 36);
  EXPECT_DOUBLE_EQ(report.queue_ms.mean, (0 + 0 + 18 + 18 + 36) / 5.0);
  EXPECT_EQ(report.batch.max_running, 1);
  world.config.set("/admission/max_waiting", 1, "test");
  EXPECT_EQ(world.run().requests.rejected_queue_full, 1) << "two may wait, one for each";
}

std::string error_of(const std::string& rates) {
  try {
    const AdmissionControl control(
        ConfigView::parse(R"({"admission": {"rates": )" + rates + "}}", "t"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Admission, RatesAreRefusedInOneLine) {
  EXPECT_EQ(error_of("3"), "t: /admission/rates: expected an object of priority: rate, got 3");
  EXPECT_EQ(error_of(R"({"x": {"rate": 1}})"),
            "t: /admission/rates/x: expected a priority, an integer, as name");
  EXPECT_EQ(error_of(R"({"1": 5})"),
            "t: /admission/rates/1: expected {\"rate\": R, \"burst\": N}, got 5");
  EXPECT_EQ(error_of(R"({"1": {"rate": 0}})"),
            "t: /admission/rates/1/rate: expected a number from 1e-06 to 1000000000, got 0");
  EXPECT_EQ(error_of(R"({"1": {"rte": 1}})"),
            "t: /admission/rates/1/rte: unknown field; known here: burst, rate");
}

}  // namespace
}  // namespace kvsim
