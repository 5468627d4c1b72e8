#include "sim/engine/experiment.h"

#include "sim/core/config_schema.h"
#include "sim/engine/catalog.h"
#include "sim/engine/deployment.h"
#include "sim/engine/front_end.h"
#include "sim/engine/simulation.h"
#include "sim/engine/sizing.h"

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

BatchLimits batch_limits(const ConfigView& config) {
  return {config.integer("/scheduler/max_num_seqs"),
          config.integer("/scheduler/max_num_batched_tokens")};
}

}  // namespace

Report run_experiment(const ConfigView& config, std::span<Observer* const> watchers,
                      const Progress& progress) {
  const ModelSpec model = load_model(config);
  const DeviceSpec device = load_device(config);
  const auto cost = load_cost_model(model, device, config);
  const Deployment deployment = read_deployment(model, config);
  const auto seed = static_cast<std::uint64_t>(config.integer("/seed"));
  const auto workload = behind_front_end(open_workload({config, seed}), config);
  const bool alone = config.text("/mode") == "alone";
  KvBudget budget;
  if (!alone) budget = size_kv(model, device, config, batch_limits(config));
  RequestFuture future([&config] { return read_ahead(config); }, deployment.layout.block);
  const SimulationParts parts{config,
                              *workload,
                              *cost,
                              budget.capacity,
                              deployment.layout.block,
                              deployment.max_model_len,
                              model.local,
                              deployment.grouped
                                  ? std::span<const KvGroup>(deployment.layout.groups)
                                  : std::span<const KvGroup>(),
                              alone ? Tokens(0) : swap_capacity(budget, config),
                              &future};

  Report report = alone ? serve_alone(parts, progress) : simulate(parts, watchers, progress);
  report.provenance.version = KVSIM_VERSION;
  report.provenance.config_digest = config.digest();
  report.provenance.seed = seed;
  const CostProvenance price = cost->provenance();
  report.provenance.cost_kind = price.kind;
  report.provenance.cost_profile = price.profile;
  report.provenance.cost_holdout_error = price.holdout_error;
  report.provenance.cost_steps_outside = price.steps_outside;
  return report;
}

}  // namespace kvsim
