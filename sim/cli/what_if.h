#pragma once
// The questions that a planner asks next, as configs: each is really run, nothing is extrapolated.

#include <vector>

#include "sim/cli/variants.h"
#include "sim/model/report.h"

namespace kvsim {

/// A fifth more memory, blocks of half and twice the size, no prefix cache, the optimal eviction:
/// those that mean something for `config`, which gave `report`.
[[nodiscard]] std::vector<PlannedRun> plan_what_ifs(const ConfigView& config, const Report& report);

}  // namespace kvsim
