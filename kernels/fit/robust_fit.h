#pragma once
// Robust non-negative least squares on logarithms: the fit behind every law.
//
// Minimises sum soft_l1(log(predicted / measured)) by Levenberg-Marquardt over the logarithms of
// the coefficients, which keeps them positive; soft L1 (2 s^2 (sqrt(1 + (r/s)^2) - 1)) lets a row
// that a law cannot explain pull like its distance, not like its square. Deterministic: fixed
// starts, the best of which wins, the earlier one among equals. Source of the method: Nocedal &
// Wright, Numerical Optimization, 2nd ed., chapter 10.

#include <functional>
#include <vector>

namespace kvsim {

/// Predicted values (positive) of all rows under these coefficients.
using Predict = std::function<std::vector<double>(const std::vector<double>& coefficients)>;

struct RobustFit {
  std::vector<double> coefficients;  ///< Not negative; what explains nothing is 0.
  double loss = 0;                   ///< Mean soft L1 of the rows.
};

/// `ceilings`: what no coefficient can exceed (the fit starts well below). Requires at least one
/// row and positive `measured`.
[[nodiscard]] RobustFit robust_fit(const Predict& predict, const std::vector<double>& measured,
                                   const std::vector<double>& ceilings);

}  // namespace kvsim
