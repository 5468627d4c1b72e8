#pragma once
// The table "how fast, against whom": our time of a shape beside the target and the best published
// time of the same shape.
//
// Published: NVIDIA aiconfigurator (Apache-2.0), H200 SXM, the fastest of vLLM 0.24.0 (FA3), SGLang
// 0.5.14 (FA3) and TensorRT-LLM 1.3.0rc20 on that shape. Their replays do not flush the L2, ours
// read distinct memory each time, so below some 60 MB of KV theirs may be warm.

#include <optional>
#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/json.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {

struct Target {
  enum class Unit { kMicroseconds, kGbytesPerSecond, kTflopsPerSecond };
  Unit unit = Unit::kMicroseconds;
  double value = 0;  ///< 0: none set.
};

struct BenchRow {
  Case launch;
  double work = 0;  ///< Bytes or FLOPs that the rate counts: KV only, causal pairs only.
  Target target;
  double published = 0;  ///< Microseconds; 0: none.
  const char* stack = "";
};

/// In the order of the table.
[[nodiscard]] std::vector<BenchRow> bench_rows();

/// `work` in `microseconds`, in the unit of the target.
[[nodiscard]] double rate_of(const BenchRow& row, double microseconds);
[[nodiscard]] bool reaches(const BenchRow& row, double microseconds);

/// A Markdown table; rows that were not timed say `unmeasured`. Requires one timing for each row.
[[nodiscard]] std::string bench_markdown(const std::vector<BenchRow>& rows,
                                         const std::vector<std::optional<Spread>>& timings,
                                         const std::string& device);
[[nodiscard]] Json bench_json(const std::vector<BenchRow>& rows,
                              const std::vector<std::optional<Spread>>& timings,
                              const std::string& device);

}  // namespace kvsim::calibrate
