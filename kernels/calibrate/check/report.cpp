#include "kernels/calibrate/check/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>

#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {

CheckResult run_check(const Check& check) {
  CheckResult result{text(check.family, "  ", check.name), 0, check.tolerance, ""};
  try {
    result.error = check.error();
  } catch (const std::exception& error) {
    result.problem = error.what();
  }
  return result;
}

std::string line_of(const CheckResult& result) {
  if (!result.problem.empty()) return text("FAIL  ", result.name, ": ", result.problem);
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "%.1e (at most %.1e)", result.error, result.tolerance);
  return text(result.passed() ? "ok    " : "FAIL  ", result.name, ": ", numbers);
}

double relative_error(const std::vector<double>& actual, const std::vector<double>& expected,
                      std::size_t row) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  double all_apart = 0;
  double all_size = 0;
  double worst = 0;
  if (actual.size() < expected.size()) return kInfinite;
  for (std::size_t first = 0; first < expected.size(); first += row) {
    double apart = 0;
    double size = 0;
    for (std::size_t i = first; i < first + row; ++i) {
      if (!std::isfinite(actual[i])) return kInfinite;
      apart += (actual[i] - expected[i]) * (actual[i] - expected[i]);
      size += expected[i] * expected[i];
    }
    all_apart += apart;
    all_size += size;
    if (apart > 0 && size == 0) return kInfinite;
    if (apart > 0) worst = std::max(worst, std::sqrt(apart / size));
  }
  const double overall = all_apart > 0 ? std::sqrt(all_apart / all_size) : 0;
  return std::max(overall, worst / 2);
}

}  // namespace kvsim::calibrate
