#pragma once
// A Report as the tools people compare with would have saved it.
//
// Names, units and definitions are theirs; what kvsim does not know is left out, and the run's
// provenance is added under "kvsim". Percentiles are by nearest rank, where theirs interpolate.

#include <string>
#include <string_view>

#include "sim/model/report.h"

namespace kvsim {

/// JSON of `vllm bench serve --save-result` (vllm/benchmarks/serve.py, July 2026; schema:
/// schema/vllm_result.schema.json). `model` is its model_id.
[[nodiscard]] std::string vllm_result(const Report& report, std::string_view model);
/// AIPerf's profile_export_aiperf.json, schema version 1.1 (schema/aiperf_result.schema.json).
[[nodiscard]] std::string aiperf_result(const Report& report, std::string_view model);

}  // namespace kvsim
