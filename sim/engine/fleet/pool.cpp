#include "sim/engine/fleet/pool.h"

#include <algorithm>
#include <array>

#include "sim/engine/catalog.h"

namespace kvsim {
namespace {

BatchLimits batch_limits(const ConfigView& config) {
  return {config.integer("/scheduler/max_num_seqs"),
          config.integer("/scheduler/max_num_batched_tokens")};
}

/// How far from a measurement.
std::ptrdiff_t weakness(const std::string& kind) {
  constexpr std::array kKinds{"exact", "measured", "imported", "roofline"};
  return std::find(kKinds.begin(), kKinds.end(), kind) - kKinds.begin();
}

}  // namespace

Pool::Pool(PoolConfig said, bool sized)
    : said_(std::move(said)),
      model_(load_model(said_.config)),
      device_(load_device(said_.config)),
      cost_(load_cost_model(model_, device_, said_.config)),
      deployment_(read_deployment(model_, said_.config)) {
  if (sized) budget_ = size_kv(model_, device_, said_.config, batch_limits(said_.config));
}

PoolParts Pool::parts() const {
  PoolParts parts{said_.config,
                  *cost_,
                  budget_.capacity,
                  deployment_.layout.block,
                  deployment_.max_model_len,
                  model_.local,
                  deployment_.grouped ? std::span<const KvGroup>(deployment_.layout.groups)
                                      : std::span<const KvGroup>(),
                  budget_.capacity > Tokens(0) ? swap_capacity(budget_, said_.config) : Tokens(0)};
  parts.replicas = said_.replicas;
  parts.name = said_.config.has("/pool_name") ? said_.config.text("/pool_name") : device_.name;
  parts.device = device_.name;
  parts.role = said_.role;
  parts.gpus = deployment_.shards.tensor * deployment_.shards.pipeline;
  parts.token_bytes = Bytes(budget_.per_token.value() * parts.gpus);
  parts.layers = std::max<std::int64_t>(model_.attention_layers(), 1);
  return parts;
}

TieredPool Pool::tiers() {
  TieredPool tiered{std::nullopt, static_cast<std::size_t>(said_.replicas), nullptr, model_.local,
                    said_.config};
  if (budget_.capacity == Tokens(0)) return tiered;
  tiered.plan =
      read_tier_plan(said_.config, {deployment_.layout.block, budget_.per_block, budget_.capacity,
                                    deployment_.shards.tensor * deployment_.shards.pipeline,
                                    device_.link.host_bandwidth, deployment_.layout.groups});
  if (!tiered.plan) return tiered;
  estimates_ = load_cost_model(model_, device_, said_.config);
  tiered.cost = estimates_.get();
  return tiered;
}

CostProvenance combined(const std::vector<CostProvenance>& all) {
  CostProvenance sum = all.front();
  for (const CostProvenance& next : std::span(all).subspan(1)) {
    if (weakness(next.kind) > weakness(sum.kind)) sum.kind = next.kind;
    if (sum.profile.find(next.profile) == std::string::npos) sum.profile += "; " + next.profile;
    sum.holdout_error = std::max(sum.holdout_error, next.holdout_error);
    sum.steps_outside += next.steps_outside;
  }
  return sum;
}

}  // namespace kvsim
