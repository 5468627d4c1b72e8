// Replicas that fail and come back: by hand, and laws over random plans.
#include <map>

#include <gtest/gtest.h>

#include "sim/engine/faults/read_faults.h"
#include "sim/model/router.h"
#include "sim/model/scheduler.h"
#include "tests/support/clients.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::at_ms;
using tiny::lonely;
using tiny::ms;

tiny::World world_with(const std::string& config) {
  tiny::World world;
  world.config = ConfigView::parse(config, "t");
  return world;
}

// 10 ms a step. A request of 4 tokens gets 2 of them by 20 ms; at 25 ms its replica fails, its
// third step with it. At 35 ms it is sent to the other replica: prompt and 2 tokens are computed in
// one step, which gives the third, and the fourth comes at 55 ms.
TEST(Faults, ARequestGoesOnElsewhereAfterWhatItGot) {
  tiny::World world = world_with(R"({"replicas": 2, "retry": {"delay_ms": 10},
      "faults": [{"kind": "replica-down", "replica": 0, "at_s": 0.025, "for_s": 10}]})");
  world.requests = {lonely(0, 100, 4)};
  Clients clients(2);
  const Report report = world.run({&clients});
  EXPECT_EQ(report.requests.completed, 1);
  EXPECT_EQ(report.requests.retries, 1);
  EXPECT_EQ(report.requests.lost, 0);
  EXPECT_DOUBLE_EQ(report.ttft_ms.mean, 10);
  EXPECT_DOUBLE_EQ(report.e2e_ms.mean, 55);
  EXPECT_EQ(report.computed_tokens, 100 + 1 + 1 + 102 + 1);
  EXPECT_EQ(report.recomputed_tokens, 102) << "the lost step had computed token 102";
  EXPECT_DOUBLE_EQ(report.duration_s, 0.055) << "nobody waits for the replica to come back";
}

TEST(Faults, OrIsLostAsThePolicySays) {
  tiny::World world = world_with(R"({"replicas": 2, "retry": {"policy": "lose"},
      "faults": [{"kind": "replica-down", "replica": 0, "at_s": 0.025, "for_s": 10}]})");
  world.requests = {lonely(0, 100, 4), lonely(0, 100, 4)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.completed, 1);
  EXPECT_EQ(report.requests.lost, 1);
  EXPECT_EQ(report.requests.unfinished, 0);
}

TEST(Faults, AttemptsRunOut) {
  tiny::World world = world_with(R"({"retry": {"delay_ms": 0, "attempts": 2},
      "faults": [{"kind": "replica-down", "at_s": 0.01, "for_s": 0.01},
                 {"kind": "replica-down", "at_s": 0.03, "for_s": 0.01},
                 {"kind": "replica-down", "at_s": 0.05, "for_s": 0.01}]})");
  world.requests = {lonely(0, 100, 40)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.retries, 2);
  EXPECT_EQ(report.requests.lost, 1);
}

// While nobody is up requests wait at the router; a replica comes back empty.
TEST(Faults, EverybodyWaitsWhileAllAreDown) {
  tiny::World world =
      world_with(R"({"faults": [{"kind": "replica-down", "at_s": 0.1, "for_s": 0.4}]})");
  const Request first = tiny::request(0, {{shared_content(1), 0, 64}}, 1);
  world.requests = {first, tiny::request(200, {{shared_content(1), 0, 64}}, 1),
                    tiny::request(300, {{shared_content(2), 0, 64}}, 1)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.completed, 3);
  EXPECT_DOUBLE_EQ(report.queue_ms.max, 300);
  EXPECT_EQ(report.prefix_cache.hit_tokens, 0) << "what was cached is gone";
  EXPECT_EQ(report.prefix_cache.miss.first_seen, 192);
}

TEST(Faults, WhoIsGoneForGoodLeavesRequestsUnfinished) {
  tiny::World world = world_with(R"({"faults": [{"kind": "replica-down", "at_s": 0.015},
      {"kind": "slow-replica", "mtbf_s": 1, "mttr_s": 1, "factor": 2}]})");
  world.requests = {lonely(0, 10, 1), lonely(12, 10, 5), lonely(20, 10, 1)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.completed, 1);
  EXPECT_EQ(report.requests.unfinished, 2);
}

TEST(Faults, ASlowReplicaTakesItsFactor) {
  tiny::World world = world_with(R"({"faults": [
      {"kind": "slow-replica", "at_s": 0.015, "for_s": 0.1, "factor": 3},
      {"kind": "slow-replica", "at_s": 0.045, "for_s": 0.02, "factor": 2}]})");
  world.requests = {lonely(0, 10, 5)};
  // Steps begin at 0, 10, 20 (x 3), 50 (x 3 x 2) and 110 (x 3).
  EXPECT_DOUBLE_EQ(world.run().e2e_ms.mean, 140);
}

// Of exponential up and down times with means 3 and 1 the share of time down is a quarter.
TEST(Faults, PeriodicOnesKeepTheirMeans) {
  const ConfigView config =
      ConfigView::parse(R"({"faults": [{"kind": "replica-down", "mtbf_s": 3, "mttr_s": 1}]})", "t");
  FaultPlan plan = read_faults(config, {2, {}}, 1).events;
  FaultPlan other = read_faults(config, {2, {}}, 2).events;
  double down = 0;
  std::map<std::uint32_t, Time> since;
  Time end{};
  bool same = true;
  for (int i = 0; i < 40'000; ++i) {
    const FaultPlan::Change change = plan.take();
    same = same && change.at == other.take().at;
    EXPECT_GE(change.at, end);
    end = change.at;
    if (change.begins)
      since[change.where.index] = change.at;
    else
      down += seconds(change.at - since[change.where.index]);
  }
  EXPECT_FALSE(same) << "the seed matters";
  EXPECT_NEAR(down / seconds(end.time_since_epoch()) / 2, 0.25, 0.01);
}

std::string random_plan(Rng& rng, std::size_t replicas) {
  std::string plan;
  for (std::uint64_t i = 1 + rng.below(4); i > 0; --i) {
    plan += plan.empty() ? "[" : ", ";
    const bool slow = rng.below(3) == 0;
    plan += slow ? R"({"kind": "slow-replica", "factor": 3)" : R"({"kind": "replica-down")";
    if (rng.below(2) == 0) plan += fmt::format(R"(, "replica": {})", rng.below(replicas));
    if (rng.below(3) == 0)
      plan += R"(, "mtbf_s": 0.3, "mttr_s": 0.1})";
    else
      plan += fmt::format(R"(, "at_s": {:.3f}, "for_s": {:.3f}}})", rng.uniform(),
                          0.05 + 0.3 * rng.uniform());
  }
  return plan + "]";
}

class EveryBatching : public testing::TestWithParam<std::string> {};

TEST_P(EveryBatching, LosesAndDoublesNothingUnderRandomFaults) {
  std::int64_t retries = 0;
  std::int64_t lost = 0;
  for (int round = 0; round < repetitions(16); ++round) {
    const auto seed = static_cast<std::uint64_t>(round);
    Rng rng(seed, "fault plans");
    const std::size_t replicas = 1 + seed % 4;
    tiny::World world = world_with("{}");
    world.config.set("/replicas", replicas, "test");
    world.config.set("/seed", seed, "test");
    world.config.set("/faults", nlohmann::ordered_json::parse(random_plan(rng, replicas)), "test");
    world.config.set("/scheduler/batching", GetParam(), "test");
    world.config.set("/routing", seed % 3 == 0 ? "kv-events" : "least-loaded", "test");
    world.config.set("/cache/allocator", seed % 2 == 0 ? "paged" : "radix", "test");
    world.config.set("/verify", seed % 4 < 2 ? "contents" : "books", "test");
    world.config.set("/scheduler/async_scheduling", seed % 5 == 4, "test");
    world.config.set("/retry/attempts", seed % 5, "test");
    world.config.set("/retry/delay_ms", rng.below(40), "test");
    if (seed % 7 == 6) world.config.set("/router/max_in_flight", 6, "test");
    world.price = [](const StepShape& shape) {
      return Duration(1'000'000 + 3'000 * shape.tokens().value());
    };
    world.requests = tiny::random_requests(seed, 120, 6);
    Clients clients(replicas);
    const Report report = world.run({&clients});
    EXPECT_EQ(report.requests.total, 120);
    EXPECT_EQ(report.requests.total, report.requests.completed + report.requests.rejected +
                                         *report.requests.lost + report.requests.unfinished);
    EXPECT_EQ(report.requests.unfinished, 0) << "everybody comes back";
    EXPECT_EQ(clients.ended_, 120);
    EXPECT_EQ(report.requests.retries, clients.retries_);
    EXPECT_EQ(report.requests.lost, clients.lost_);
    EXPECT_TRUE(clients.lost_ > 0 || clients.computed_ == clients.needed_);
    EXPECT_EQ(world.run().provenance.fingerprint, report.provenance.fingerprint);
    retries += clients.retries_;
    lost += clients.lost_;
  }
  EXPECT_GT(retries, 20);
  EXPECT_GT(lost, 0);
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryBatching, testing::ValuesIn(Registry<Scheduler>::names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

std::string error_of(const std::string& faults) {
  try {
    tiny::World world = world_with(R"({"replicas": 4, "faults": )" + faults + "}");
    (void)world.run();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Faults, AreRefusedInOneLine) {
  EXPECT_EQ(error_of("3"), "t: /faults: expected a list of objects, a fault each, got 3");
  EXPECT_EQ(error_of(R"([{"kind": "replica-dwn"}])"),
            "t: /faults/0/kind: no fault named 'replica-dwn'; known: replica-down, slow-link, "
            "slow-replica, store-down (did you mean 'replica-down'?)");
  EXPECT_EQ(error_of(R"([{"kind": "replica-down"}])"),
            "t: /faults/0/at_s: expected a number from 0 to 1000000000, got null");
  EXPECT_EQ(error_of(R"([{"kind": "replica-down", "at_s": 3, "replica": 4}])"),
            "t: /faults/0/replica: expected an integer from 0 to 3, got 4");
  EXPECT_EQ(error_of(R"([{"kind": "replica-down", "at_s": 3, "factor": 4}])"),
            "t: /faults/0/factor: unknown field of a replica-down; known here: at_s, for_s, kind, "
            "mtbf_s, mttr_s, replica");
  EXPECT_EQ(
      error_of(R"([{"kind": "replica-down", "at_s": 3, "mtbf_s": 4}])"),
      "t: /faults/0: either once (at_s, for_s) or again and again (mtbf_s, mttr_s), not both");
  EXPECT_EQ(error_of(R"([{"kind": "replica-down", "at": 3}])"),
            "t: /faults/0/at: unknown field of a replica-down; known here: at_s, for_s, kind, "
            "mtbf_s, mttr_s, replica");
  EXPECT_EQ(error_of(R"([{"kind": "slow-link", "link": "hots", "factor": 2, "at_s": 3}])"),
            "t: /faults/0/link: no link named 'hots'; known: disk, handoff, host, remote (did you "
            "mean 'host'?)");
  EXPECT_EQ(error_of(R"([{"kind": "slow-link", "link": "host", "at_s": 3}])"),
            "t: /faults/0/factor: expected a number from 1 to 1000000, got null");
  EXPECT_EQ(error_of(R"([{"kind": "slow-link", "link": "handoff", "factor": 2, "at_s": 3}])"),
            "t: /faults/0/link: no replica has a prefill or decode role; set /pools");
  EXPECT_EQ(error_of(R"([{"kind": "store-down", "store": "disk", "replica": 1, "at_s": 3}])"),
            "t: /faults/0/store: replica 1 does not have a disk; set /tiers/disk/gib");
  EXPECT_EQ(error_of(R"([{"kind": "store-down", "store": "host", "at_s": 3}])"),
            "t: /faults/0/store: no store named 'host'; known: disk, remote");
  EXPECT_EQ(error_of(R"([{"kind": "store-down", "store": "remote", "at_s": 3}])"),
            "t: /faults/0/store: no replica has a remote store; set /tiers/remote/gib");
  EXPECT_EQ(error_of(R"([{"kind": "store-down", "store": "remote", "replica": 0, "at_s": 3}])"),
            "t: /faults/0/replica: all replicas share the remote store; leave it out");
}

}  // namespace
}  // namespace kvsim
