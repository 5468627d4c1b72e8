#pragma once
// A self-check: what was compared, how far apart it was, how far it may be.

#include <functional>
#include <string>
#include <vector>

namespace kvsim::calibrate {

struct CheckResult {
  std::string name;
  double error = 0;      ///< |ours - reference| / |reference|, L2; 1 for bits that differ.
  double tolerance = 0;  ///< 0: must be equal.
  std::string problem;   ///< What was thrown; empty if nothing.
  /// Not a number is no pass.
  [[nodiscard]] bool passed() const { return problem.empty() && error <= tolerance; }
};

struct Check {
  std::string family;  ///< As in families().
  std::string name;
  double tolerance = 0;
  std::function<double()> error;  ///< Runs it.
};

[[nodiscard]] CheckResult run_check(const Check& check);

/// "ok    decode  bf16 32/8/128: 1.9e-03 (at most 4.0e-03)"
[[nodiscard]] std::string line_of(const CheckResult& result);

/// |actual - expected| / |expected| over everything, or in the worst row if that is more than twice
/// as far; infinite if anything is not a number. Requires rows of `row` values.
[[nodiscard]] double relative_error(const std::vector<double>& actual,
                                    const std::vector<double>& expected, std::size_t row);

}  // namespace kvsim::calibrate
