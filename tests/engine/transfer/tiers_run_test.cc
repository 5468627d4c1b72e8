// Tiers in whole runs: what offloading does to latency, and the laws that hold whatever the tiers.
#include <gtest/gtest.h>

#include "sim/engine/transfer/run_tiers.h"
#include "tests/support/random_tiers.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::room;

constexpr std::int64_t kBlock = 16;

struct TieredWorld : tiny::World {
  std::optional<TierPlan> tiers;

  Report run(std::vector<Observer*> watchers = {}) const {
    if (!tiers) return World::run(std::move(watchers));
    const tiny::PriceList cost(price);
    const auto replicas = static_cast<std::size_t>(config.integer("/replicas"));
    const std::vector<TieredPool> pools{{tiers, replicas, &cost, LocalSpan{}, config}};
    RunTiers behind(pools);
    World world = *this;
    world.connectors.assign(behind.connectors().begin(), behind.connectors().end());
    world.tiers = &behind;
    Report report = world.run(std::move(watchers));
    report.tiers = behind.report(report.duration_s);
    return report;
  }
};

std::int64_t loaded_in(const Report& report) {
  return report.prefix_cache.loaded ? report.prefix_cache.loaded->tokens : 0;
}

// A byte a token: so many tokens a millisecond.
TierPlan plan_of(double tokens_per_ms, TierPlan::Load load) {
  TierPlan plan;
  plan.chunk = plan.block = Tokens(kBlock);
  plan.load = load;
  plan.gpu_bytes = Bytes(1);
  plan.host_link = {tokens_per_ms * 1e3, {}};
  plan.host = room(1000, tokens_per_ms * 1e3);
  return plan;
}

// 10 ms a step and 1 ms for every token of a prompt; a pool of 160 tokens. The first prompt of 128
// tokens is pushed out by the second, of 160 (the tree gives up whole nodes, so 128 do), and comes
// again.
Report returning_prompt(const std::optional<TierPlan>& tiers,
                        const std::string& batching = "vllm") {
  TieredWorld world;
  world.config.set("/scheduler/batching", batching, "test");
  if (batching == "sglang") world.config.set("/cache/allocator", "radix", "test");
  world.config.set("/verify", "contents", "test");
  world.capacity = Tokens(kBlock * (batching == "sglang" ? 10 : 11));
  world.price = [](const StepShape& shape) {
    return tiny::ms(10 + static_cast<double>(shape.prefill_new.value()));
  };
  world.requests = {
      tiny::request(0, {{shared_content(1), 0, 128}}, 1),
      tiny::request(1000, {{shared_content(2), 0, batching == "vllm" ? 160 : 128}}, 1),
      tiny::request(2000, {{shared_content(1), 0, 128}}, 1)};
  world.tiers = tiers;
  return world.run();
}

// 112 tokens lie in 7 whole blocks before the last token; 16 remain to be computed. Without tiers
// 10 + 128 ms; at 7 tokens a ms 16 ms of loading, then 10 + 16 of computing; at half a token a ms
// 224 and 26.
TEST(Tiers, ChangeLatencyNotOnlyTheHitRate) {
  EXPECT_NEAR(3 * returning_prompt({}).ttft_ms.mean, 138 + 170 + 138, 1e-3);
  const Report fast = returning_prompt(plan_of(7, TierPlan::Load::kAlways));
  EXPECT_NEAR(3 * fast.ttft_ms.mean, 138 + 170 + 16 + 26, 1e-3);
  EXPECT_EQ(loaded_in(fast), 112);
  const Report slow = returning_prompt(plan_of(0.5, TierPlan::Load::kAlways));
  EXPECT_NEAR(3 * slow.ttft_ms.mean, 138 + 170 + 224 + 26, 1e-3);
  EXPECT_EQ(loaded_in(slow), 112);
  const Report wise = returning_prompt(plan_of(0.5, TierPlan::Load::kCheaper));
  EXPECT_NEAR(3 * wise.ttft_ms.mean, 138 + 170 + 138, 1e-3);
  EXPECT_EQ(loaded_in(wise), 0);
}

// Layer by layer the load runs beside the step: the longer of the two.
TEST(Tiers, LoadsBesideTheStepUnderSglang) {
  const Report beside = returning_prompt(plan_of(7, TierPlan::Load::kAlways), "sglang");
  EXPECT_EQ(loaded_in(beside), 127 - 127 % kBlock);
  EXPECT_NEAR(3 * beside.ttft_ms.mean, 138 + 138 + 26, 1e-3) << "16 ms of loading are hidden";
  const Report slow = returning_prompt(plan_of(0.5, TierPlan::Load::kAlways), "sglang");
  EXPECT_NEAR(slow.ttft_ms.max, 224, 1e-3);
}

TEST(Tiers, AreReported) {
  TierPlan plan = plan_of(7, TierPlan::Load::kAlways);
  plan.disk = room(1000, 1e6);
  plan.disk->written_through = true;
  const Report report = returning_prompt(plan);
  ASSERT_EQ(report.tiers.size(), 2U);
  const Report::Tier& host = report.tiers[0];
  EXPECT_EQ(host.name, "host");
  EXPECT_EQ(host.capacity_tokens, 16'000);
  EXPECT_EQ(host.query_tokens, 112 + 144 + 112);
  EXPECT_EQ(host.hit_tokens, 112);
  EXPECT_EQ(host.loaded_tokens, 112);
  EXPECT_EQ(host.stored_tokens, 128 + 160);
  EXPECT_EQ(host.bytes_in, 112);
  EXPECT_EQ(host.bytes_out, 288);
  EXPECT_NEAR(host.busy_in * report.duration_s, 0.016, 1e-6);
  EXPECT_EQ(report.tiers[1].query_tokens, 112 + 144) << "what the host did not have";
  EXPECT_EQ(report.tiers[1].bytes_out, 288);
}

// Write-back: the step that needs the room waits until it has been copied out.
TEST(Tiers, WriteBackDelaysTheStepThatNeedsTheRoom) {
  TierPlan plan = plan_of(4, TierPlan::Load::kAlways);
  plan.store = TierPlan::Store::kOnEvict;
  const Report report = returning_prompt(plan);
  // The second prompt displaces the first's 8 chunks: 32 ms. The third displaces 8 of the second's:
  // 32 ms, then 28 ms of loading, then 26.
  EXPECT_EQ(report.tiers[0].stored_tokens, 128 + 128);
  EXPECT_EQ(report.prefix_cache.hit_tokens, 0);
  EXPECT_EQ(loaded_in(report), 112);
  EXPECT_NEAR(3 * report.ttft_ms.mean, 138 + (32 + 170) + (32 + 28 + 26), 1e-3);
}

// A preempted sequence has its prompt back from the host instead of computing it again.
TEST(Tiers, RestoreWhatWasPreempted) {
  TieredWorld world;
  world.config.set("/verify", "contents", "test");
  world.capacity = Tokens(kBlock * 17);
  world.price = [](const StepShape& shape) {
    return tiny::ms(10 + static_cast<double>(shape.prefill_new.value()));
  };
  for (int i = 0; i < 3; ++i) world.requests.push_back(tiny::lonely(i, 64, 60));
  const Report computed = world.run();
  ASSERT_GT(computed.preemptions, 0);
  ASSERT_GT(computed.recomputed_tokens, 0);
  world.tiers = plan_of(100, TierPlan::Load::kAlways);
  const Report restored = world.run();
  EXPECT_GT(restored.preemptions, 0);
  EXPECT_GT(restored.tiers[0].loaded_tokens, 0);
  EXPECT_EQ(loaded_in(restored), 0) << "one's own prompt again is no hit";
  EXPECT_LT(restored.recomputed_tokens, computed.recomputed_tokens);
  EXPECT_LT(restored.e2e_ms.mean, computed.e2e_ms.mean);
}

// One queue, one request at a time: whoever loads only what is sooner there is never later for it.
TEST(Tiers, CheaperIsNeverWorseThanComputing) {
  for (std::uint64_t seed = 0; seed < repetitions(6U); ++seed) {
    for (const double tokens_per_ms : {0.2, 1.0, 3.0, 30.0}) {
      TieredWorld world;
      world.config.set("/scheduler/max_num_seqs", 1, "test");
      world.capacity = Tokens(kBlock * 40);
      world.price = [](const StepShape& shape) {
        return tiny::ms(2 + 0.5 * static_cast<double>(shape.prefill_new.value()));
      };
      world.requests = tiny::random_requests(seed, 150, 150, 4);
      world.tiers = plan_of(tokens_per_ms, TierPlan::Load::kNever);
      const Report never = world.run();
      world.tiers = plan_of(tokens_per_ms, TierPlan::Load::kCheaper);
      const Report cheaper = world.run();
      EXPECT_LE(cheaper.ttft_ms.mean, never.ttft_ms.mean + 1e-9) << seed << " " << tokens_per_ms;
      if (tokens_per_ms >= 30) {
        EXPECT_LT(cheaper.ttft_ms.mean, 0.95 * never.ttft_ms.mean) << seed;
      }
    }
  }
}

class Ledger final : public Observer {
 public:
  void on_step(const StepRecord& step) override {
    for (const StepWork& work : step.plan.work) computed += work.compute - work.drafts;
  }
  void on_finish(Time /*now*/, const Sequence& s, ReplicaId /*where*/) override {
    needed += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
    ++finished;
  }
  Tokens computed, needed;
  int finished = 0;
};

// Requests, tokens and contents are conserved; what is loaded is what tiers say they gave.
TEST(Tiers, ObeyTheLaws) {
  for (std::uint64_t seed = 0; seed < repetitions(60U); ++seed) {
    Rng rng(seed, "tier laws");
    const bool radix = rng.below(2) == 0;
    TieredWorld world;
    world.config.set("/cache/allocator", radix ? "radix" : "paged", "test");
    world.config.set("/scheduler/batching", radix && rng.below(2) == 0 ? "sglang" : "vllm", "test");
    world.config.set("/verify", "contents", "test");
    world.config.set("/scheduler/max_num_batched_tokens", 64 + 32 * rng.below(8), "test");
    world.config.set("/scheduler/max_num_seqs", 4 + rng.below(9), "test");
    world.config.set("/replicas", 1 + rng.below(3), "test");
    world.block = Tokens(rng.below(2) == 0 ? 16 : 8);
    world.capacity = world.block * static_cast<std::int64_t>(60 + rng.below(40));
    world.price = [](const StepShape& shape) {
      return Duration(1'000'000 + 3'000 * shape.tokens().value() +
                      10 * shape.decode_context.value());
    };
    world.requests = tiny::random_requests(seed, 100, 6);
    world.tiers = tiny::random_tiers(rng, !radix, world.block);
    if (world.config.text("/scheduler/batching") == "vllm") world.tiers->async = rng.below(2) == 0;
    Ledger ledger;
    const Report report = world.run({&ledger});
    SCOPED_TRACE(seed);
    EXPECT_EQ(report.requests.total, std::ssize(world.requests));
    EXPECT_EQ(report.requests.total, report.requests.completed + report.requests.rejected);
    EXPECT_EQ(ledger.finished, report.requests.completed);
    EXPECT_EQ(ledger.computed, ledger.needed);
    std::int64_t loaded = 0;
    for (const Report::Tier& tier : report.tiers) {
      loaded += tier.loaded_tokens;
      EXPECT_LE(tier.hit_tokens, tier.query_tokens);
      EXPECT_LE(tier.stored_tokens - tier.evicted_tokens, tier.capacity_tokens);
    }
    EXPECT_GE(loaded, loaded_in(report));
    if (report.preemptions == 0) {
      EXPECT_EQ(loaded, loaded_in(report));
    }
    EXPECT_EQ(world.run().provenance.fingerprint, report.provenance.fingerprint);
  }
}

}  // namespace
}  // namespace kvsim
