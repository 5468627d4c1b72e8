#pragma once
// PlanReport: everything `kvsim plan` has found out, as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reports/paired_difference.h"
#include "sim/model/report.h"

namespace kvsim {

/// A goal of the SLO.
struct PlanGoal {
  std::string name;    ///< "ttft_p99", "goodput".
  std::string detail;  ///< Of goodput: what a request must meet; else empty.
  double limit = 0;    ///< Milliseconds at most; a share at least.
  bool is_share = false;
};

/// One candidate: a device with its settings, in as many replicas as it takes.
struct PlanFleet {
  enum class Fate : std::uint8_t {
    kMeets,       ///< `replicas` meet the SLO, one fewer does not.
    kMisses,      ///< Not even `refused` replicas do, and more are not wanted.
    kImpossible,  ///< Proved without a run: no number of replicas, or more than are wanted.
    kTooDear,     ///< More than `refused` are needed, which cost too much: not looked into.
  };
  std::string label;
  nlohmann::ordered_json settings;  ///< JSON pointer -> value, as in a comparison.
  std::string device;
  std::int64_t gpus_per_replica = 1;
  double price_per_gpu = 1;  ///< An hour of a GPU; 1 where GPUs are counted.
  Fate fate = Fate::kTooDear;
  std::string why;           ///< Of a bound: what proves it; else empty.
  std::int64_t bound = 1;    ///< Fewer replicas are proved not to do.
  std::int64_t refused = 0;  ///< So many replicas do not do.

  // Of kMeets:
  std::int64_t replicas = 0;
  std::vector<Report> runs;      ///< At this size, one per seed.
  std::vector<Interval> values;  ///< Of every goal, over the seeds; of kMisses where it was run.
  double slo_used = 0;           ///< The goal with least room: its share of the limit.
  bool frontier = false;         ///< No other is as good in cost, room and load and better in one.
  std::optional<Interval> carries;  ///< Requests/s within the SLO, where that was looked for.

  [[nodiscard]] std::int64_t gpus() const { return replicas * gpus_per_replica; }
  [[nodiscard]] double per_hour() const { return price_per_gpu * static_cast<double>(gpus()); }
};

/// The winner in another world.
struct PlanWhatIf {
  std::string change;                    ///< "+10 % output length".
  std::optional<std::int64_t> replicas;  ///< None: no fleet that is allowed.
};

/// What one replica fewer does.
struct PlanRefusal {
  std::int64_t replicas = 0;
  std::string why;
};

struct PlanReport {
  std::vector<PlanGoal> goals;
  std::string trace;
  std::string trace_digest;
  std::int64_t requests = 0;
  double request_per_s = 0;  ///< As planned for.
  double speed = 1;          ///< Of the workload's own arrivals.
  std::int64_t seeds = 1;
  bool seeds_differ = false;  ///< Anything is left to chance.
  double within = 1.5;
  std::int64_t max_gpus = 0;
  std::string currency;                    ///< Empty: GPUs are counted.
  std::vector<std::string> price_sources;  ///< "h100: 2.99 USD, quote of ACME".
  std::vector<PlanFleet> fleets;           ///< In the order of the candidates.
  std::optional<std::size_t> winner;       ///< Cheapest, then most room.
  std::optional<PlanRefusal> one_fewer;    ///< None: the winner is a single replica.
  std::vector<PlanWhatIf> what_ifs;
  std::optional<std::size_t> nearest_miss;  ///< Where nothing meets the SLO, and something ran.
  std::vector<std::string> serve;           ///< How to start a replica of the winner.
  std::int64_t runs_to_the_end = 0, runs_stopped = 0;
};

/// Currency per million tokens, at the planned load. Requires a fleet that meets the SLO.
[[nodiscard]] double per_million_output(const PlanFleet& fleet);
[[nodiscard]] double per_million_tokens(const PlanFleet& fleet);

/// Marks the fleets that no other beats: as cheap, as much room, as much load, and better in one.
/// A load that was not looked for is only known to be the planned one, and beats nothing by it.
void mark_frontier(std::vector<PlanFleet>& fleets);

/// "ttft_p99 <= 2,000.0 ms", and of all goals.
[[nodiscard]] std::string goal_text(const PlanGoal& goal);
[[nodiscard]] std::string goals_text(const PlanReport& plan);
/// A goal's value with its unit; "never" if that is infinite.
[[nodiscard]] std::string goal_value(const PlanGoal& goal, double value);

/// The page for a terminal, and for programs (schema/plan.schema.json).
[[nodiscard]] std::string plan_text(const PlanReport& plan);
[[nodiscard]] std::string plan_json(const PlanReport& plan);

}  // namespace kvsim
