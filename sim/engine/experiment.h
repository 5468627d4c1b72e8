#pragma once
// From a config to a report: builds the parts a config names, runs them, sums up.
//
// This is the one door into the simulator for the command line, the tests and later sweeps. It is
// reentrant: any number of experiments may run at once, on any threads, with the same bytes.

#include <functional>
#include <span>

#include "sim/core/config_view.h"
#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

/// Share done, 0 to 1; negative while unknown. Called now and then from the run's own thread.
using Progress = std::function<void(double share)>;

/// Runs what `config` describes to its end. `watchers` see the run besides the metrics.
/// Throws InputError if the parts do not fit together or the trace turns out to be broken.
[[nodiscard]] Report run_experiment(const ConfigView& config,
                                    std::span<Observer* const> watchers = {},
                                    const Progress& progress = {});

}  // namespace kvsim
