#include "sim/cli/plan/planner.h"

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "sim/cli/parallel.h"
#include "sim/cli/plan/fleet_bound.h"
#include "sim/cli/plan/highest_load.h"
#include "sim/cli/plan/smallest_fleet.h"
#include "sim/cli/plan/trial.h"
#include "sim/cli/plan/what_next.h"

namespace kvsim {
namespace {

using Fate = PlanFleet::Fate;

ConfigView with_replicas(ConfigView config, std::int64_t replicas) {
  config.set("/replicas", replicas, "kvsim plan");
  return config;
}

ConfigView sped_up(ConfigView config, double factor) {
  constexpr const char* kRateScale = "/workload/rate_scale";
  config.set(kRateScale, config.number(kRateScale) * factor, "kvsim plan");
  return config;
}

// What one request must meet: "ttft <= 2000 ms, tpot <= 50 ms".
std::string objectives_text(const ConfigView& config) {
  std::string text;
  for (const char* name : {"ttft", "tpot", "e2e"}) {
    const std::string pointer = fmt::format("/slo/{}_ms", name);
    if (config.has(pointer))
      text +=
          fmt::format("{}{} <= {:g} ms", text.empty() ? "" : ", ", name, config.number(pointer));
  }
  return text;
}

class Planner {
 public:
  explicit Planner(const PlanRequest& request)
      : request_(request), trials_(request.slo, request.seeds) {}

  PlanReport plan() {
    describe();
    find_fleets();
    tell(0.6);
    choose_winner();
    if (plan_.winner) {
      find_loads();
      tell(0.8);
      ask_what_if();
    } else {
      find_nearest_miss();
    }
    plan_.runs_to_the_end = trials_.to_the_end();
    plan_.runs_stopped = trials_.stopped();
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const Candidate& candidate(std::size_t i) const { return request_.candidates[i]; }
  [[nodiscard]] ConfigView config_of(std::size_t i) const {
    return with_replicas(candidate(i).config, plan_.fleets[i].replicas);
  }
  void tell(double share) const {
    if (request_.progress) request_.progress(share);
  }
  /// Most replicas of `gpus` GPUs that are wanted.
  [[nodiscard]] std::int64_t most_replicas(std::int64_t gpus) const {
    return request_.max_gpus / gpus;
  }

  void describe() {
    const ConfigView& config = candidate(0).config;
    for (const SloGoal& goal : request_.slo.goals)
      plan_.goals.push_back({goal.name, goal.is_goodput() ? objectives_text(config) : "",
                             goal.limit, goal.is_goodput()});
    plan_.seeds = request_.seeds;
    plan_.within = request_.within;
    plan_.max_gpus = request_.max_gpus;
    const Demand& demand = trials_.demand(config);
    plan_.requests = demand.requests();
    plan_.speed = config.number("/workload/rate_scale");
    plan_.request_per_s = demand.requests_per_s() * plan_.speed;
  }

  // What is proved before any run.
  FleetRange bound(std::size_t i) {
    const Candidate& c = candidate(i);
    PlanFleet fleet;
    fleet.label = c.label;
    fleet.settings = c.settings;
    fleet.device = c.device;
    fleet.price_per_gpu = c.price_per_gpu;
    fleet.gpus_per_replica = gpus_per_replica(c.config);
    const FleetBound proved = bound_fleet(c.config, request_.slo, trials_.demand(c.config));
    const std::int64_t most = most_replicas(fleet.gpus_per_replica);
    fleet.bound = proved.replicas;
    fleet.refused = proved.replicas - 1;
    fleet.why = proved.impossible.value_or(proved.why);
    if (proved.impossible || proved.replicas > most) fleet.fate = Fate::kImpossible;
    if (!proved.impossible && proved.replicas > most)
      fleet.why = fmt::format("at least {} GPUs: {}", proved.replicas * fleet.gpus_per_replica,
                              proved.replicas == 1 ? "a replica" : proved.why);
    plan_.fleets.push_back(std::move(fleet));
    const PlanFleet& made = plan_.fleets.back();
    return {made.bound, made.fate == Fate::kImpossible ? 0 : most,
            made.price_per_gpu * static_cast<double>(made.gpus_per_replica)};
  }

  void find_fleets() {
    std::vector<FleetRange> ranges;
    for (std::size_t i = 0; i < request_.candidates.size(); ++i) ranges.push_back(bound(i));
    const std::vector<SmallestFleet> found =
        smallest_fleets(ranges, request_.within, [this](const std::vector<FleetTrial>& trials) {
          std::vector<ConfigView> configs;
          for (const FleetTrial& t : trials)
            configs.push_back(with_replicas(candidate(t.candidate).config, t.replicas));
          return try_fleets(trials, configs);
        });
    for (std::size_t i = 0; i < found.size(); ++i) settle(i, found[i]);
  }

  std::vector<bool> try_fleets(const std::vector<FleetTrial>& trials,
                               const std::vector<ConfigView>& configs) {
    std::vector<Trial> outcomes(trials.size());
    run_jobs(trials.size(), request_.threads,
             [&](std::size_t i, const Progress&) { outcomes[i] = trials_.run(configs[i]); });
    std::vector<bool> met;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      met.push_back(outcomes[i].met);
      const FleetTrial& t = trials[i];
      if (!outcomes[i].met) refusals_[{t.candidate, t.replicas}] = std::move(outcomes[i]);
      // Smaller and smaller ones are enough: the last is the smallest.
      else
        accepted_[t.candidate] = std::move(outcomes[i]);
    }
    tell(0.6 * static_cast<double>(accepted_.size()) /
         static_cast<double>(request_.candidates.size()));
    return met;
  }

  void settle(std::size_t i, const SmallestFleet& found) {
    PlanFleet& fleet = plan_.fleets[i];
    if (fleet.fate == Fate::kImpossible) return;
    fleet.refused = found.refused;
    fleet.fate = found.smallest ? Fate::kMeets : found.given_up ? Fate::kTooDear : Fate::kMisses;
    if (!found.smallest) return;
    fleet.replicas = *found.smallest;
    measure(fleet, std::move(accepted_[i]));
  }

  void measure(PlanFleet& fleet, Trial trial) const {
    fleet.runs = std::move(trial.runs);
    for (std::size_t g = 0; g < request_.slo.goals.size(); ++g) {
      std::vector<double> values;
      for (const std::vector<double>& seed : trial.values) {
        values.push_back(seed[g]);
        fleet.slo_used = std::max(fleet.slo_used, request_.slo.goals[g].used_by(seed[g]));
      }
      fleet.values.push_back(confidence_interval(values));
    }
  }

  void choose_winner() {
    for (std::size_t i = 0; i < plan_.fleets.size(); ++i) {
      const PlanFleet& fleet = plan_.fleets[i];
      if (fleet.fate != Fate::kMeets) continue;
      const auto worth = [this](std::size_t f) {
        return std::pair(plan_.fleets[f].per_hour(), plan_.fleets[f].slo_used);
      };
      if (!plan_.winner || worth(i) < worth(*plan_.winner)) plan_.winner = i;
    }
    if (!plan_.winner) return;
    const PlanFleet& winner = plan_.fleets[*plan_.winner];
    const Report& first = winner.runs.front();
    plan_.trace = first.provenance.trace_name;
    plan_.trace_digest = first.provenance.trace_digest;
    plan_.seeds_differ =
        std::any_of(winner.runs.begin(), winner.runs.end(), [&](const Report& run) {
          return run.provenance.fingerprint != first.provenance.fingerprint;
        });
    if (winner.replicas == 1) return;
    const auto run = refusals_.find({*plan_.winner, winner.replicas - 1});
    plan_.one_fewer =
        PlanRefusal{winner.replicas - 1, run == refusals_.end() ? winner.why : run->second.missed};
  }

  // The highest load of every fleet that none beats in cost and room.
  void find_loads() {
    mark_frontier(plan_.fleets);
    struct Job {
      std::size_t fleet;
      std::int64_t seed;
    };
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < plan_.fleets.size(); ++i)
      for (std::int64_t seed = 0; plan_.fleets[i].frontier && seed < request_.seeds; ++seed)
        jobs.push_back({i, seed});
    std::vector<double> factors(jobs.size());
    run_jobs(jobs.size(), request_.threads, [&](std::size_t j, const Progress&) {
      const ConfigView config = config_of(jobs[j].fleet);
      factors[j] = highest_load([&](double factor) {
        const ConfigView faster = sped_up(config, factor);
        const FleetBound proved = bound_fleet(faster, request_.slo, trials_.demand(faster));
        return !proved.impossible && proved.replicas <= config.integer("/replicas") &&
               trials_.meets(faster, jobs[j].seed);
      });
    });
    std::map<std::size_t, std::vector<double>> loads;
    for (std::size_t j = 0; j < jobs.size(); ++j)
      loads[jobs[j].fleet].push_back(factors[j] * plan_.request_per_s);
    for (const auto& [i, values] : loads) plan_.fleets[i].carries = confidence_interval(values);
    mark_frontier(plan_.fleets);
  }

  void ask_what_if() {
    const PlanFleet& winner = plan_.fleets[*plan_.winner];
    const std::vector<OtherWorld> worlds =
        other_worlds(config_of(*plan_.winner), winner.runs.front());
    // Every one of them asks more of the fleet, so it takes no fewer replicas.
    const std::vector<FleetRange> ranges(
        worlds.size(), {winner.replicas, most_replicas(winner.gpus_per_replica), 1});
    const std::vector<SmallestFleet> found = smallest_fleets(
        ranges, std::numeric_limits<double>::infinity(),
        [&](const std::vector<FleetTrial>& trials) {
          std::vector<ConfigView> configs;
          for (const FleetTrial& t : trials)
            configs.push_back(with_replicas(worlds[t.candidate].config, t.replicas));
          std::vector<char> met(trials.size());
          run_jobs(trials.size(), request_.threads, [&](std::size_t i, const Progress&) {
            met[i] = trials_.run(configs[i]).met ? 1 : 0;
          });
          return std::vector<bool>(met.begin(), met.end());
        });
    for (std::size_t w = 0; w < worlds.size(); ++w)
      plan_.what_ifs.push_back({worlds[w].change, found[w].smallest});
  }

  // Of the largest fleets that miss, those that went on longest before it was certain are run to
  // the end.
  void find_nearest_miss() {
    constexpr std::size_t kTried = 4;
    std::vector<std::pair<double, std::size_t>> misses;  // share seen, candidate
    for (std::size_t i = 0; i < plan_.fleets.size(); ++i) {
      const auto run = refusals_.find({i, plan_.fleets[i].refused});
      if (plan_.fleets[i].fate == Fate::kMisses && run != refusals_.end())
        misses.emplace_back(-run->second.seen, i);
    }
    std::sort(misses.begin(), misses.end());
    misses.resize(std::min(misses.size(), kTried));
    std::vector<Trial> outcomes(misses.size());
    run_jobs(misses.size(), request_.threads, [&](std::size_t m, const Progress&) {
      const std::size_t i = misses[m].second;
      outcomes[m] =
          trials_.run_to_the_end(with_replicas(candidate(i).config, plan_.fleets[i].refused));
    });
    for (std::size_t m = 0; m < misses.size(); ++m) {
      const std::size_t i = misses[m].second;
      measure(plan_.fleets[i], std::move(outcomes[m]));
      if (!plan_.nearest_miss ||
          plan_.fleets[i].slo_used < plan_.fleets[*plan_.nearest_miss].slo_used)
        plan_.nearest_miss = i;
    }
  }

  const PlanRequest& request_;
  Trials trials_;
  PlanReport plan_;
  std::map<std::pair<std::size_t, std::int64_t>, Trial> refusals_;
  std::map<std::size_t, Trial> accepted_;
};

}  // namespace

std::int64_t gpus_per_replica(const ConfigView& config) {
  return config.integer("/tensor_parallel_size") * config.integer("/pipeline_parallel_size");
}

PlanReport make_plan(const PlanRequest& request) { return Planner(request).plan(); }

}  // namespace kvsim
