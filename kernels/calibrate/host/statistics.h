#pragma once
// What many timings of one launch come to.

#include <vector>

namespace kvsim::calibrate {

/// Microseconds of a launch.
struct Spread {
  double median = 0, p10 = 0, p90 = 0;
  int count = 0;
  /// p90 / p10 - 1: a point that spreads more than 2 % cannot support a claim of 3 %.
  [[nodiscard]] double relative() const { return p10 > 0 ? p90 / p10 - 1 : 0; }
};

/// Linear between order statistics (Hyndman & Fan, The American Statistician 50, 1996, type 7).
/// Requires a value, and a share of 0 to 1.
[[nodiscard]] double quantile(std::vector<double> values, double share);

/// Requires a value.
[[nodiscard]] Spread spread_of(const std::vector<double>& values);

}  // namespace kvsim::calibrate
