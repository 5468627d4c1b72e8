#pragma once
// Tiers for tests: one of some size and speed, or any.

#include <array>
#include <string>
#include <vector>

#include "sim/core/rng.h"
#include "sim/engine/transfer/tier_plan.h"

namespace kvsim::tiny {

inline TierPlan::Room room(std::int64_t chunks, double bytes_per_s) {
  TierPlan::Room r;
  r.chunks = chunks;
  r.link = {bytes_per_s, {}};
  r.eviction = "lru";
  return r;
}

inline TierPlan random_tiers(Rng& rng, bool paged, Tokens block) {
  const auto chunks = [&rng] { return static_cast<std::int64_t>(1 + rng.below(60)); };
  const auto speed = [&rng] { return 1e3 * static_cast<double>(1 + rng.below(40)); };
  const auto policies = [&rng] {
    return std::vector<std::string>{"lru", "lfu", "s3fifo", "priority", "gdsf"}[rng.below(5)];
  };
  TierPlan plan;
  plan.block = block;
  plan.chunk = block * static_cast<std::int64_t>(1 + rng.below(4));
  plan.gpu_bytes = Bytes(static_cast<std::int64_t>(1 + rng.below(3)));
  plan.gpus = static_cast<std::int64_t>(1 + rng.below(3));
  plan.host_link = {speed(), Duration(static_cast<std::int64_t>(rng.below(5'000'000)))};
  plan.load = rng.below(3) == 0 ? TierPlan::Load::kCheaper : TierPlan::Load::kAlways;
  plan.store = std::array{TierPlan::Store::kWriteThrough, TierPlan::Store::kSelective,
                          TierPlan::Store::kOnEvict}[rng.below(paged ? 3 : 2)];
  plan.threshold = static_cast<std::uint32_t>(1 + rng.below(3));
  if (rng.below(3) != 0) plan.host = room(chunks(), 1);
  if (rng.below(2) == 0) plan.disk = room(chunks(), speed());
  if (rng.below(2) == 0 || (!plan.host && !plan.disk)) plan.remote = room(chunks(), speed());
  for (auto* tier : {&plan.host, &plan.disk, &plan.remote}) {
    if (!*tier) continue;
    (*tier)->eviction = policies();
    (*tier)->written_through = rng.below(2) == 0;
  }
  plan.prefetch = plan.host && rng.below(2) == 0;
  return plan;
}

}  // namespace kvsim::tiny
