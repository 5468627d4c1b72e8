#include "sim/cli/plan/trial.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"
#include "sim/cli/plan/slo_watch.h"
#include "sim/engine/experiment.h"
#include "sim/model/decoding.h"

namespace kvsim {
namespace {

constexpr const char* kRateScale = "/workload/rate_scale";

// Thrown out of a run whose outcome is known.
struct Stopped {};

MostSamples most_samples(const ConfigView& config, const Demand& demand) {
  // How many requests a beam search makes depends on the run.
  if (decoding_of(config).beams()) return {};
  return {demand.requests(), demand.output_tokens() - demand.requests()};
}

}  // namespace

ConfigView on_seed(const ConfigView& config, std::int64_t index) {
  ConfigView seeded = config;
  if (index > 0) seeded.set("/seed", config.integer("/seed") + index, "--seeds");
  return seeded;
}

const Demand& Trials::demand(const ConfigView& config) {
  ConfigView at_own_speed = config;
  at_own_speed.set(kRateScale, 1, "kvsim plan");
  const nlohmann::ordered_json all = at_own_speed.resolved();
  const std::string key = all["workload"].dump() + all["seed"].dump();
  const std::lock_guard<std::mutex> one_at_a_time(mutex_);
  const auto found = demands_.find(key);
  if (found != demands_.end()) return found->second;
  return demands_.emplace(key, read_demand(at_own_speed)).first->second;
}

Trial Trials::run(const ConfigView& config) { return run_seeds(config, true); }
Trial Trials::run_to_the_end(const ConfigView& config) { return run_seeds(config, false); }

bool Trials::meets(const ConfigView& config, std::int64_t seed) {
  Trial trial;
  trial.met = true;
  run_seed(on_seed(config, seed), true, trial);
  return trial.met;
}

Trial Trials::run_seeds(const ConfigView& config, bool may_stop) {
  Trial trial;
  trial.met = true;
  for (std::int64_t i = 0; i < seeds_ && (trial.met || !may_stop); ++i)
    run_seed(on_seed(config, i), may_stop, trial);
  return trial;
}

void Trials::run_seed(const ConfigView& config, bool may_stop, Trial& trial) {
  const std::int64_t requests = demand(config).requests();
  SloWatch watch(slo_, config, most_samples(config, demand(config)));
  const std::array<Observer*, 1> watchers{&watch};
  try {
    Report report = run_experiment(config, watchers, [&](double) {
      if (may_stop && watch.missed()) throw Stopped();
    });
    ++to_the_end_;
    trial.runs.push_back(std::move(report));
    trial.values.push_back(watch.values());
    for (std::size_t i = 0; i < slo_.goals.size(); ++i) {
      if (slo_.goals[i].met_by(trial.values.back()[i])) continue;
      trial.met = false;
      trial.missed = fmt::format("{} missed", slo_.goals[i].name);
    }
  } catch (const Stopped&) {
    ++stopped_;
    trial.met = false;
    trial.seen = static_cast<double>(watch.arrived()) / static_cast<double>(requests);
    trial.missed =
        fmt::format("{} is missed whatever comes after {} of {} requests",
                    slo_.goals[*watch.missed()].name, grouped(watch.arrived()), grouped(requests));
  }
}

}  // namespace kvsim
