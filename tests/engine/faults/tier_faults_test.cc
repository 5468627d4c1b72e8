// Replicas with tiers that fail, slow links and stores that go down: by hand.
#include <gtest/gtest.h>

#include "sim/engine/transfer/run_tiers.h"
#include "tests/support/random_tiers.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::room;

constexpr std::int64_t kBlock = 16;

// A byte a token: so many tokens a millisecond over the host link. Chunks are blocks.
TierPlan plan_of(double tokens_per_ms) {
  TierPlan plan;
  plan.chunk = plan.block = Tokens(kBlock);
  plan.load = TierPlan::Load::kAlways;
  plan.gpu_bytes = Bytes(1);
  plan.host_link = {tokens_per_ms * 1e3, {}};
  return plan;
}
TierPlan host_of(double tokens_per_ms) {
  TierPlan plan = plan_of(tokens_per_ms);
  plan.host = room(1000, 1);
  return plan;
}
// The shared store behind a quick host link.
TierPlan remote_of(double tokens_per_ms) {
  TierPlan plan = plan_of(1e6);
  plan.remote = room(1000, tokens_per_ms * 1e3);
  plan.remote->written_through = true;
  return plan;
}

// 10 ms a step and 1 ms for every token of a prompt; a pool of 160 tokens. The first prompt of 128
// tokens is pushed out by the second, of 160, and comes again.
Report returning_prompt(const TierPlan& plan, const std::string& faults,
                        std::vector<Request> more = {}) {
  tiny::World world;
  world.config = ConfigView::parse(R"({"verify": "contents", "faults": )" + faults + "}", "t");
  world.capacity = Tokens(kBlock * 11);
  world.price = [](const StepShape& shape) {
    return tiny::ms(10 + static_cast<double>(shape.prefill_new.value()));
  };
  world.requests = {tiny::request(0, {{shared_content(1), 0, 128}}, 1),
                    tiny::request(1000, {{shared_content(2), 0, 160}}, 1),
                    tiny::request(2000, {{shared_content(1), 0, 128}}, 1)};
  for (Request& r : more) world.requests.push_back(std::move(r));
  const tiny::PriceList cost(world.price);
  const std::vector<TieredPool> pools{{plan, 1, &cost, LocalSpan{}, world.config}};
  RunTiers behind(pools);
  world.connectors.assign(behind.connectors().begin(), behind.connectors().end());
  world.tiers = &behind;
  Report report = world.run();
  report.tiers = behind.report(report.duration_s);
  behind.check_books();
  return report;
}

double third_ttft_ms(const Report& report) {
  return static_cast<double>(report.requests.completed) * report.ttft_ms.mean - 138 - 170;
}

// 112 tokens at 7 a ms, then a step of 10 + 16 ms. The host's memory goes with its replica.
TEST(TierFaults, AReplicaTakesItsHostsMemoryWithIt) {
  EXPECT_NEAR(third_ttft_ms(returning_prompt(host_of(7), "[]")), 16 + 26, 1e-3);
  const Report failed =
      returning_prompt(host_of(7), R"([{"kind": "replica-down", "at_s": 1.5, "for_s": 0.1}])");
  EXPECT_NEAR(third_ttft_ms(failed), 138, 1e-3);
  EXPECT_EQ(failed.tiers[0].lost_tokens, 128 + 160);
  EXPECT_EQ(failed.tiers[0].stored_tokens, 128 + 160 + 128) << "and is filled again";
}

TEST(TierFaults, AndADiskToo) {
  TierPlan plan = plan_of(7);
  plan.disk = room(1000, 1e9);
  plan.disk->written_through = true;
  const Report failed =
      returning_prompt(plan, R"([{"kind": "replica-down", "at_s": 1.5, "for_s": 0.1}])");
  EXPECT_NEAR(third_ttft_ms(failed), 138, 1e-3);
}

TEST(TierFaults, ASharedStoreStays) {
  const Report failed =
      returning_prompt(remote_of(7), R"([{"kind": "replica-down", "at_s": 1.5, "for_s": 0.1}])");
  EXPECT_NEAR(third_ttft_ms(failed), 16 + 26, 1e-3);
  EXPECT_FALSE(failed.tiers[0].lost_tokens);
}

// 0.1 tokens a ms: a chunk of the first prompt is there every 160 ms from 138 on. When the replica
// fails at 1,000 five are, the other three never will.
TEST(TierFaults, WhatAReplicaWasStillSendingIsLost) {
  const Report failed =
      returning_prompt(remote_of(0.1), R"([{"kind": "replica-down", "at_s": 1.0, "for_s": 0.01}])");
  EXPECT_EQ(failed.tiers[0].lost_tokens, 3 * kBlock);
  EXPECT_EQ(failed.requests.completed, 3);
}

// A load that began at 2,000 would take 112 ms; 50 of them have passed when its replica fails, 10
// later it is up again, and nothing is left to load.
TEST(TierFaults, LoadsOfAReplicaThatFailsAreAbandoned) {
  const Report failed =
      returning_prompt(host_of(1), R"([{"kind": "replica-down", "at_s": 2.05, "for_s": 0.01}])");
  EXPECT_EQ(failed.requests.retries, 1);
  EXPECT_NEAR(third_ttft_ms(failed), 50 + 50 + 138, 1e-3) << "retried 50 ms later";
  EXPECT_EQ(failed.failed_loads->loads, 0) << "nobody waits for them any more";
}

// A quarter of the bandwidth from 8 ms into the load on: 8 ms of it are left, and take 32.
TEST(TierFaults, ASlowLinkTakesItsFactor) {
  for (const char* link : {"host", "remote"}) {
    const TierPlan plan = link == std::string("host") ? host_of(7) : remote_of(7);
    const Report slow = returning_prompt(
        plan, fmt::format(R"([{{"kind": "slow-link", "link": "{}", "factor": 4, "at_s": 2.008,
                               "for_s": 1}}])",
                          link));
    EXPECT_NEAR(third_ttft_ms(slow), 8 + 32 + 26, 1e-3) << link;
  }
}

// Six times 16 ms and 26 are less than 138, eight times 16 are not.
TEST(TierFaults, ASlowLinkMakesComputingTheSooner) {
  TierPlan plan = host_of(7);
  plan.load = TierPlan::Load::kCheaper;
  const auto slow = [](int factor) {
    return fmt::format(R"([{{"kind": "slow-link", "link": "host", "factor": {}, "at_s": 1.9}}])",
                       factor);
  };
  EXPECT_NEAR(third_ttft_ms(returning_prompt(plan, slow(6))), 6 * 16 + 26, 1e-3);
  EXPECT_NEAR(third_ttft_ms(returning_prompt(plan, slow(8))), 138, 1e-3);
}

// Down from 1.9 to 2.5: it offers nothing, takes nothing, and has at 3.0 what it had before. The
// fourth prompt is the second again: its first 32 tokens are still in the pool, the next 112 are in
// the store, 16 are to compute.
TEST(TierFaults, AStoreThatIsDownHasNothing) {
  const auto fourth = [] {
    return std::vector{tiny::request(3000, {{shared_content(2), 0, 160}}, 1)};
  };
  const Report down = returning_prompt(
      remote_of(8), R"([{"kind": "store-down", "store": "remote", "at_s": 1.9, "for_s": 0.6}])",
      fourth());
  EXPECT_NEAR(third_ttft_ms(down), 138 + 112 / 8 + 26, 1e-3);
  EXPECT_FALSE(down.tiers[0].lost_tokens);
  EXPECT_EQ(down.failed_loads->loads, 0);
  const Report empty = returning_prompt(
      remote_of(8), R"([{"kind": "store-down", "store": "remote", "at_s": 1.9, "for_s": 0.6,
                         "loses_contents": true}])",
      fourth());
  EXPECT_NEAR(third_ttft_ms(empty), 138 + 10 + 128, 1e-3);
  EXPECT_EQ(empty.tiers[0].lost_tokens, 128 + 160);
}

// Of the 112 ms of a load 50 have passed when the store goes down: then all is computed.
TEST(TierFaults, LoadsFromAStoreThatGoesDownAreComputedInstead) {
  for (const char* allocator : {"paged", "radix"}) {
    for (const char* store : {"remote", "disk"}) {
      TierPlan plan = remote_of(1);
      if (store == std::string("disk")) std::swap(plan.disk, plan.remote);
      const Report failed = returning_prompt(
          plan, fmt::format(R"([{{"kind": "store-down", "store": "{}", "at_s": 2.05,
                                 "for_s": 1}}], "cache": {{"allocator": "{}"}})",
                            store, allocator));
      EXPECT_NEAR(third_ttft_ms(failed), 50 + 138, 1e-3) << store;
      EXPECT_EQ(failed.failed_loads->loads, 1);
      EXPECT_EQ(failed.failed_loads->tokens, 112);
      EXPECT_EQ(failed.prefix_cache.hit_tokens, 0);
      EXPECT_FALSE(failed.prefix_cache.loaded);
    }
  }
}

}  // namespace
}  // namespace kvsim
