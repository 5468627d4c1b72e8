// Fleets of any kind, through tiers, handovers and faults of every kind: what is true of all runs.
#include <gtest/gtest.h>

#include "sim/engine/transfer/run_tiers.h"
#include "tests/support/clients.h"
#include "tests/support/random_tiers.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

constexpr std::int64_t kBlock = 16;

// One pool that serves, or one that prefills and one that decodes; behind each perhaps tiers.
struct RandomFleet {
  RandomFleet(std::uint64_t seed, Rng& rng) {
    split = rng.below(2) == 0;
    const bool radix = rng.below(2) == 0;
    const bool sglang = radix && !split && rng.below(2) == 0;
    config.set("/seed", seed, "test");
    config.set("/verify", "contents", "test");
    config.set("/cache/allocator", radix ? "radix" : "paged", "test");
    config.set("/scheduler/batching", sglang ? "sglang" : "vllm", "test");
    config.set("/scheduler/max_num_batched_tokens", 64 + 32 * rng.below(8), "test");
    config.set("/scheduler/async_scheduling", rng.below(3) == 0, "test");
    config.set("/disaggregation/gbytes_per_s", 0.1 + rng.uniform(), "test");
    config.set("/disaggregation/transfer", rng.below(2) == 0 ? "serial" : "layered", "test");
    config.set("/retry/attempts", rng.below(4), "test");
    replicas = {1 + rng.below(3), split ? 1 + rng.below(3) : 0};
    for (auto& plan : plans)
      if (rng.below(4) != 0) plan = tiny::random_tiers(rng, !radix, Tokens(kBlock));
    if (plans[0] && plans[1]) plans[1] = plans[0];  // to share a store they keep the same KV
    for (auto& plan : plans)
      if (plan && !sglang) plan->async = rng.below(3) != 0;
    requests = tiny::random_requests(seed, 80, 12);
  }
  [[nodiscard]] std::size_t size() const { return replicas[0] + replicas[1]; }

  Report run(Clients& clients) const {
    const tiny::PriceList cost([](const StepShape& shape) {
      return Duration(1'000'000 + 3'000 * shape.tokens().value());
    });
    std::vector<PoolParts> pools;
    std::vector<TieredPool> tiered;
    for (std::size_t i = 0; i < (split ? 2 : 1); ++i) {
      PoolParts& pool = pools.emplace_back(
          PoolParts{config, cost, Tokens(kBlock * 70), Tokens(kBlock), Tokens(100'000), {}});
      pool.replicas = static_cast<std::int64_t>(replicas[i]);
      pool.name = i == 0 ? "first" : "second";
      if (split) pool.role = i == 0 ? Role::kPrefill : Role::kDecode;
      pool.token_bytes = Bytes(100'000);
      pool.layers = 4;
      tiered.push_back({plans[i], replicas[i], &cost, LocalSpan{}, config});
    }
    RunTiers behind(tiered);
    tiny::Listed listed(requests);
    Observer* watchers[] = {&clients};
    Report report =
        simulate({config, listed, pools, nullptr, behind.connectors(), &behind}, watchers, {});
    behind.check_books();
    report.tiers = behind.report(report.duration_s);
    return report;
  }
  [[nodiscard]] bool any(std::optional<TierPlan::Room> TierPlan::*tier) const {
    return (plans[0] && (*plans[0]).*tier) || (split && plans[1] && (*plans[1]).*tier);
  }

  bool split = false;
  ConfigView config;
  std::array<std::uint64_t, 2> replicas{};
  std::array<std::optional<TierPlan>, 2> plans;
  std::vector<Request> requests;
};

// A fault of anything there is.
std::string random_fault(const RandomFleet& fleet, Rng& rng) {
  std::vector<std::string> kinds{R"("kind": "replica-down")",
                                 R"("kind": "slow-replica", "factor": 3)"};
  const auto slow = [&](const char* link) {
    kinds.push_back(fmt::format(R"("kind": "slow-link", "link": "{}", "factor": 4)", link));
  };
  const auto down = [&](const char* store) {
    kinds.push_back(fmt::format(R"("kind": "store-down", "store": "{}", "loses_contents": {})",
                                store, rng.below(2) == 0));
  };
  if (fleet.plans[0] || (fleet.split && fleet.plans[1])) slow("host");
  if (fleet.any(&TierPlan::disk)) slow("disk"), down("disk");
  if (fleet.any(&TierPlan::remote)) slow("remote"), down("remote");
  if (fleet.split) slow("handoff");
  const std::string what = kinds[rng.below(kinds.size())];
  if (rng.below(2) == 0) return fmt::format(R"({{{}, "mtbf_s": 0.3, "mttr_s": 0.05}})", what);
  return fmt::format(R"({{{}, "at_s": {:.3f}, "for_s": {:.3f}}})", what, rng.uniform(),
                     0.02 + 0.2 * rng.uniform());
}

TEST(RandomFaults, LoseAndDoubleNothingThroughTiersAndHandovers) {
  std::int64_t retries = 0;
  std::int64_t failed_loads = 0;
  std::int64_t lost_tokens = 0;
  for (std::uint64_t seed = 0; seed < repetitions(60U); ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, "random faults");
    RandomFleet fleet(seed, rng);
    std::string faults;
    for (std::uint64_t i = 1 + rng.below(5); i > 0; --i)
      faults += (faults.empty() ? "[" : ", ") + random_fault(fleet, rng);
    fleet.config.set("/faults=" + faults + "]");
    Clients clients(fleet.size());
    const Report report = fleet.run(clients);
    EXPECT_EQ(report.requests.total, std::ssize(fleet.requests));
    EXPECT_EQ(report.requests.total,
              report.requests.completed + report.requests.rejected + *report.requests.lost);
    EXPECT_EQ(clients.ended_, report.requests.total);
    EXPECT_EQ(report.requests.retries, clients.retries_);
    EXPECT_EQ(report.kv.held_at_end_tokens, 0) << "no block is kept";
    for (const Report::Tier& tier : report.tiers) {
      const std::int64_t gone = tier.evicted_tokens + tier.lost_tokens.value_or(0);
      EXPECT_LE(tier.stored_tokens - gone, tier.capacity_tokens);
      lost_tokens += tier.lost_tokens.value_or(0);
    }
    Clients again(fleet.size());
    EXPECT_EQ(fleet.run(again).provenance.fingerprint, report.provenance.fingerprint);
    retries += *report.requests.retries;
    failed_loads += report.failed_loads->loads;
  }
  EXPECT_GT(retries, repetitions(20));
  EXPECT_GT(failed_loads, repetitions(20));
  EXPECT_GT(lost_tokens, repetitions(1000));
}

}  // namespace
}  // namespace kvsim
