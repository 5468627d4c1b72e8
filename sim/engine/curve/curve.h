#pragma once
// The cells of a hit-rate curve: every rule, policy and capacity asked for, as independent jobs.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/engine/curve/block_trace.h"
#include "sim/model/hit_curve.h"

namespace kvsim {

struct CurveAxes {
  std::vector<std::string> rules;     ///< "tree", "flat".
  std::vector<std::string> policies;  ///< Registered eviction policies, or kForcedMin.
  std::vector<std::optional<std::int64_t>> capacities;  ///< Blocks, at least 1; nothing: no end.
  std::optional<double> sample;                         ///< Share of the blocks to replay.
};

/// MIN that lets every newcomer in. Under `tree` no bound: what it lets in may have to go first.
inline constexpr const char* kForcedMin = "min";
/// The offline optimum: under `tree` it may leave newcomers out.
inline constexpr const char* kOptimal = "optimal";

/// Runs jobs 0 .. count-1, each once, in any order, on any thread.
using RunJobs = std::function<void(std::size_t count, const std::function<void(std::size_t)>& job)>;

/// Rows in the order of the axes, whatever the order of the jobs. Throws InputError if the sample
/// has no block.
[[nodiscard]] std::vector<CurveRow> hit_curve(const BlockTrace& trace, const CurveAxes& axes,
                                              const RunJobs& run_jobs);

}  // namespace kvsim
