#pragma once
// Fits an KernelLaw to timed launches, and says how well it predicts others.

#include <vector>

#include "sim/model/attention/kernel_law.h"

namespace kvsim {

/// A launch and how long it took.
struct Timing {
  LaunchFeatures features;
  double microseconds = 0;
};

/// The physics: coefficients of the form's terms, and for `planner` the exponent. The ratio is left
/// 1. Requires at least one timing.
[[nodiscard]] KernelLaw fit_coefficients(LawForm form, const std::vector<Timing>& timings);

/// What the physics leaves: for every pair of knots the mean ratio (of logarithms) of the timings
/// nearest to it, shrunk to 1 by count / least where fewer than `least` lie there. A knot that no
/// timing is nearest to takes the ratio of its neighbour at smaller v, else at smaller u, else 1.
struct FittedRatio {
  std::vector<double> ratios;  ///< [u][v]
  std::vector<int> counts;     ///< Of timings, likewise.
};
[[nodiscard]] FittedRatio fit_ratio(const KernelLaw& physics, const std::vector<Timing>& timings,
                                    const std::vector<double>& u, const std::vector<double>& v,
                                    int least);

/// Errors of predictions, as shares: |predicted / measured - 1|.
struct ErrorSummary {
  int count = 0;
  double median = 0, p90 = 0, p95 = 0, max = 0;
  double bias = 0;  ///< Mean of predicted / measured - 1.
};
[[nodiscard]] ErrorSummary summarise(const std::vector<double>& predicted,
                                     const std::vector<double>& measured);

}  // namespace kvsim
