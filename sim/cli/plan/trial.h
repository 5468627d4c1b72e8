#pragma once
// Trials: does a fleet meet the SLO? By running it, on every seed, no further than need be.
//
// A run that has missed a goal for certain is stopped there (SloWatch): most fleets that are too
// small show it in a fraction of the trace. One that meets everything has been run to its end.

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "sim/cli/plan/demand.h"
#include "sim/cli/plan/slo.h"
#include "sim/model/report.h"

namespace kvsim {

struct Trial {
  bool met = false;                         ///< By every seed that was run.
  std::vector<Report> runs;                 ///< Of the seeds that were run to their end.
  std::vector<std::vector<double>> values;  ///< Of each of them, per goal.
  std::string missed;                       ///< Which goal, and how much had been seen by then.
  double seen = 1;                          ///< Share of the requests.
};

class Trials {
 public:
  /// `slo` must outlive it. Requires seeds >= 1.
  Trials(const Slo& slo, std::int64_t seeds) : slo_(slo), seeds_(seeds) {}

  /// Any number of them at once. Throws InputError.
  [[nodiscard]] Trial run(const ConfigView& config);
  /// The same to the end, whatever is missed on the way.
  [[nodiscard]] Trial run_to_the_end(const ConfigView& config);
  /// One seed of them, from 0: met?
  [[nodiscard]] bool meets(const ConfigView& config, std::int64_t seed);

  /// Of the config's workload, at /workload/rate_scale 1, on its own seed. Each is read once.
  [[nodiscard]] const Demand& demand(const ConfigView& config);

  [[nodiscard]] std::int64_t seeds() const { return seeds_; }
  [[nodiscard]] std::int64_t to_the_end() const { return to_the_end_; }
  [[nodiscard]] std::int64_t stopped() const { return stopped_; }

 private:
  void run_seed(const ConfigView& config, bool may_stop, Trial& trial);
  [[nodiscard]] Trial run_seeds(const ConfigView& config, bool may_stop);

  const Slo& slo_;
  std::int64_t seeds_;
  std::mutex mutex_;  // of demands_
  std::map<std::string, Demand> demands_;
  std::atomic<std::int64_t> to_the_end_ = 0, stopped_ = 0;
};

/// `config` on its `index`-th seed.
[[nodiscard]] ConfigView on_seed(const ConfigView& config, std::int64_t index);

}  // namespace kvsim
