#include "sim/engine/experiment.h"

#include <deque>

#include "sim/core/config_schema.h"
#include "sim/engine/fleet/pool.h"
#include "sim/engine/front_end.h"
#include "sim/engine/simulation.h"
#include "sim/engine/transfer/run_tiers.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field(
        "/mode", "serve", "mode",
        [] {
          return std::vector<std::string>{"alone", "serve"};
        },
        "serve: replay the arrivals. alone: each request by itself in unlimited memory, to "
        "see what an allocator wastes on these lengths."),
};

void build_pools(const ConfigView& config, bool alone, std::deque<Pool>& pools) {
  for (PoolConfig& said : read_pools(config)) pools.emplace_back(std::move(said), !alone);
  if (alone && pools.size() > 1)
    config.fail("/mode", "alone: requests are served one by one, not by pools; leave one of them");
}

void describe_costs(const std::deque<Pool>& pools, Report::Provenance& provenance) {
  std::vector<CostProvenance> all;
  all.reserve(pools.size());
  for (const Pool& pool : pools) all.push_back(pool.provenance());
  const CostProvenance price = combined(all);
  provenance.cost_kind = price.kind;
  provenance.cost_profile = price.profile;
  provenance.cost_holdout_error = price.holdout_error;
  provenance.cost_steps_outside = price.steps_outside;
}

}  // namespace

Report run_experiment(const ConfigView& config, std::span<Observer* const> watchers,
                      const Progress& progress) {
  const bool alone = config.text("/mode") == "alone";
  std::deque<Pool> pools;
  build_pools(config, alone, pools);
  const auto seed = static_cast<std::uint64_t>(config.integer("/seed"));
  const auto workload = behind_front_end(open_workload({config, seed}), config);
  RequestFuture future([&config] { return read_ahead(config); },
                       pools.front().deployment().layout.block);
  SimulationParts parts{config, *workload, {}, &future};
  std::vector<TieredPool> behind;
  for (Pool& pool : pools) {
    parts.pools.push_back(pool.parts());
    behind.push_back(pool.tiers());
  }
  RunTiers tiers(behind);
  parts.connectors = tiers.connectors();
  parts.tiers = &tiers;

  Report report = alone ? serve_alone(parts, progress) : simulate(parts, watchers, progress);
  report.tiers = tiers.report(report.duration_s);
  report.provenance.version = KVSIM_VERSION;
  report.provenance.config_digest = config.digest();
  report.provenance.seed = seed;
  describe_costs(pools, report.provenance);
  return report;
}

}  // namespace kvsim
