#pragma once
// Steps of a simulation as `kvsim run --out DIR --steps N` leaves them (reports/README.md).

#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/model_shape.h"

namespace kvsim::calibrate {

struct RecordedStep {
  std::int64_t number = 0;
  double predicted = 0;  ///< Microseconds of kernels: without the host's share.
  int page = 0;
  StepCase work;
  /// Blocks of each sequence: decodes first, then chunks, as in `work`.
  std::vector<std::vector<std::int32_t>> decode_blocks, prefill_blocks;
};

struct RecordedRun {
  ModelShape model;
  std::string kv = "bf16";
  std::vector<RecordedStep> steps;
};

/// Throws BadInput("DIR/steps.jsonl: line 3: what is wrong").
[[nodiscard]] RecordedRun read_run(const std::string& folder);

}  // namespace kvsim::calibrate
