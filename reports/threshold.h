#pragma once
// Thresholds of a config, in k6's grammar: {"ttft_ms": ["p(95)<200", "avg<100"]}.
//
// A threshold says what must hold: STATISTIC OPERATOR NUMBER about a published metric (figures.h),
// in the unit that goes with the metric's name. Source of the grammar: Grafana k6's documentation,
// "Thresholds"; abortOnFail is refused, because a simulation is judged when it is over.

#include <cstdint>
#include <string>
#include <vector>

#include "reports/figures.h"
#include "reports/finding.h"
#include "sim/core/config_view.h"

namespace kvsim {

struct Threshold {
  enum class Operator : std::uint8_t { kLess, kAtMost, kMore, kAtLeast, kEqual, kUnequal };
  std::string name;  ///< The metric, as the config calls it.
  std::string text;  ///< "p(95)<200"
  NamedMetric metric;
  Statistic statistic;
  Operator op;
  double limit;
};

/// /thresholds of a config, in its order. Throws InputError naming the place: an unknown metric,
/// bad grammar, a statistic that no summary holds.
[[nodiscard]] std::vector<Threshold> read_thresholds(const ConfigView& config);

/// Does it hold? Where nothing was measured it does not.
[[nodiscard]] Finding judge(const Threshold& threshold, const Report& report);

}  // namespace kvsim
