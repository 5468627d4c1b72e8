#pragma once
// Many independent simulations on a few threads, with the same answer on any number of them.

#include <functional>
#include <vector>

#include "sim/engine/experiment.h"

namespace kvsim {

using Simulation = std::function<Report(const Progress&)>;

/// Runs all of them, results by index. If some throw, the first of those in index order is
/// rethrown. `progress` gets the mean share, from one thread at a time. Requires threads > 0.
[[nodiscard]] std::vector<Report> run_all(const std::vector<Simulation>& simulations,
                                          std::size_t threads, const Progress& progress = {});

}  // namespace kvsim
