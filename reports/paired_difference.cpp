#include "reports/paired_difference.h"

#include <cmath>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include "sim/core/check.h"

namespace kvsim {

Interval confidence_interval(std::span<const double> values) {
  KVSIM_CHECK(!values.empty(), "an interval is about something");
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double x : values) sum += x;
  const double mean = sum / n;
  if (values.size() == 1) return {mean, 0};
  double squares = 0;
  for (const double x : values) squares += (x - mean) * (x - mean);
  const double deviation = std::sqrt(squares / (n - 1));
  const boost::math::students_t law(n - 1);
  return {mean, boost::math::quantile(law, 0.975) * deviation / std::sqrt(n)};
}

Interval paired_difference(std::span<const double> a, std::span<const double> b) {
  KVSIM_CHECK(a.size() == b.size(), "pairs have two sides");
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return confidence_interval(differences);
}

}  // namespace kvsim
