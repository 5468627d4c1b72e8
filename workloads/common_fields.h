#pragma once
// The two fields that every workload obeys.

#include <cmath>
#include <cstdint>

#include "sim/core/config_view.h"
#include "sim/core/units.h"

namespace kvsim {

/// /workload/rate_scale: arrivals come so many times as fast.
[[nodiscard]] double rate_scale(const ConfigView& config);
/// /workload/limit: at most so many requests; huge if not set.
[[nodiscard]] std::int64_t request_limit(const ConfigView& config);

/// Exact where the scale is 1.
[[nodiscard]] inline Duration scaled(Duration since_start, double rate_scale) {
  if (rate_scale == 1) return since_start;
  return Duration(std::llround(static_cast<double>(since_start.count()) / rate_scale));
}

}  // namespace kvsim
