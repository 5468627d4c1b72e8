#pragma once
// Is a difference more than noise? Two settings on the same seeds, run by run: the paired
// differences' mean with Student's t interval, as in any textbook on comparing two means.

#include <span>

namespace kvsim {

/// mean - half .. mean + half holds the true mean with 95 % confidence, if the values are drawn
/// independently from something like a normal distribution. Of one value nothing is known: half 0.
struct Interval {
  double mean = 0;
  double half = 0;
  [[nodiscard]] bool includes_zero() const { return mean - half <= 0 && mean + half >= 0; }
};

/// Requires at least one value.
[[nodiscard]] Interval confidence_interval(std::span<const double> values);
/// Of a[i] - b[i]. Requires equally many, at least one.
[[nodiscard]] Interval paired_difference(std::span<const double> a, std::span<const double> b);

}  // namespace kvsim
