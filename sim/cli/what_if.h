#pragma once
// The questions that a planner asks next, as configs: each is really run, nothing is extrapolated.

#include <vector>

#include "sim/cli/variants.h"
#include "sim/model/report.h"

namespace kvsim {

/// A fifth more memory, blocks of half and twice the size, no prefix cache, the optimal eviction:
/// those that mean something for `config`, which gave `report`.
[[nodiscard]] std::vector<PlannedRun> plan_what_ifs(const ConfigView& config, const Report& report);

/// As num_gpu_blocks_override counts them: vLLM's null block is one. `config` gave `report`.
[[nodiscard]] std::int64_t blocks_of_a_replica(const ConfigView& config, const Report& report);

}  // namespace kvsim
