#pragma once
// Predicted against measured steps of a simulation, as a table.

#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/json.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {

struct ReplayedStep {
  std::int64_t number = 0;
  std::int64_t tokens = 0;  ///< Of KV that it read.
  double predicted = 0;     ///< Microseconds.
  Spread measured;
};

/// KV tokens that a step reads.
[[nodiscard]] std::int64_t tokens_of(const StepCase& step);

/// A line for each step; then median, p95 and bias of the errors. "no steps" for none.
[[nodiscard]] std::string validation_text(const std::vector<ReplayedStep>& steps);
[[nodiscard]] Json validation_json(const std::vector<ReplayedStep>& steps);

}  // namespace kvsim::calibrate
