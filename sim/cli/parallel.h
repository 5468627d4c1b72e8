#pragma once
// Many independent jobs on a few threads, with the same answer on any number of them.

#include <functional>
#include <vector>

#include "sim/engine/experiment.h"

namespace kvsim {

/// Runs job(0) .. job(count - 1), each of which may tell its own progress. If some throw, the first
/// of those in index order is rethrown. `progress` gets the mean share, from one thread at a time.
/// Requires threads > 0.
using Job = std::function<void(std::size_t index, const Progress& progress)>;
void run_jobs(std::size_t count, std::size_t threads, const Job& job,
              const Progress& progress = {});

using Simulation = std::function<Report(const Progress&)>;

/// The same for simulations, results by index.
[[nodiscard]] std::vector<Report> run_all(const std::vector<Simulation>& simulations,
                                          std::size_t threads, const Progress& progress = {});

}  // namespace kvsim
