#include "sim/model/attention/ratio_table.h"

#include <algorithm>
#include <cmath>

namespace kvsim {
namespace {

/// Where a value lies between two neighbouring knots.
struct Place {
  std::size_t below = 0, above = 0;
  double weight = 0;  // of `above`
};

Place place(const std::vector<double>& knots, double value) {
  if (value <= knots.front()) return {0, 0, 0};
  if (value >= knots.back()) return {knots.size() - 1, knots.size() - 1, 0};
  const auto above = std::upper_bound(knots.begin(), knots.end(), value);
  const auto i = static_cast<std::size_t>(above - knots.begin());
  return {i - 1, i, (value - knots[i - 1]) / (knots[i] - knots[i - 1])};
}

std::vector<double> log2_of(const std::vector<double>& values) {
  std::vector<double> logs(values.size());
  std::transform(values.begin(), values.end(), logs.begin(),
                 [](double value) { return std::log2(value); });
  return logs;
}

bool is_axis(const std::vector<double>& knots) {
  return !knots.empty() && knots.front() > 0 &&
         std::adjacent_find(knots.begin(), knots.end(), std::greater_equal<>()) == knots.end();
}

}  // namespace

std::string_view RatioTable::problem_with(const std::vector<double>& u,
                                          const std::vector<double>& v,
                                          const std::vector<double>& ratios) {
  if (!is_axis(u) || !is_axis(v)) return "an axis is not positive and increasing";
  if (ratios.size() != u.size() * v.size()) return "the ratios are not one for every pair of knots";
  const bool positive = std::all_of(ratios.begin(), ratios.end(), [](double r) { return r > 0; });
  return positive ? "" : "a ratio is not positive";
}

RatioTable::RatioTable(const std::vector<double>& u, const std::vector<double>& v,
                       const std::vector<double>& ratios)
    : u_(log2_of(u)), v_(log2_of(v)), log_ratios_(log2_of(ratios)) {}

double RatioTable::at(double u, double v) const {
  if (log_ratios_.empty()) return 1;
  const Place row = place(u_, std::log2(u));
  const Place column = place(v_, std::log2(v));
  const auto along = [&](std::size_t r) {
    const double below = log_ratios_[r * v_.size() + column.below];
    const double above = log_ratios_[r * v_.size() + column.above];
    return below + column.weight * (above - below);
  };
  const double below = along(row.below);
  return std::exp2(below + row.weight * (along(row.above) - below));
}

bool RatioTable::covers(double u, double v) const {
  if (log_ratios_.empty()) return true;
  const auto within = [](const std::vector<double>& knots, double value) {
    return value >= knots.front() && value <= knots.back();
  };
  return within(u_, std::log2(u)) && within(v_, std::log2(v));
}

}  // namespace kvsim
