#pragma once
// RatioTable: what measurements add to a physical baseline: measured / baseline over two axes,
// interpolated bilinearly in logarithms.
//
// Interpolating the ratio instead of the time leaves to the table only what physics does not say
// (tiles, splits, waves), which changes slowly. Outside its axes the table keeps the ratio of its
// edge, and the baseline goes on alone.

#include <cstddef>
#include <string_view>
#include <vector>

namespace kvsim {

class RatioTable {
 public:
  /// 1 everywhere.
  RatioTable() = default;
  /// Axis knots are positive and strictly increasing; `ratios` are positive, [u][v] row by row.
  /// Requires problem_with(...) to be empty.
  RatioTable(const std::vector<double>& u, const std::vector<double>& v,
             const std::vector<double>& ratios);

  /// What makes the arguments no table; empty if nothing does.
  [[nodiscard]] static std::string_view problem_with(const std::vector<double>& u,
                                                     const std::vector<double>& v,
                                                     const std::vector<double>& ratios);

  /// The ratio at (u, v), both positive; beyond an edge, that of the edge.
  [[nodiscard]] double at(double u, double v) const;
  /// (u, v) lies within the axes. A table of nothing covers everything.
  [[nodiscard]] bool covers(double u, double v) const;

 private:
  std::vector<double> u_, v_;  // log2 of the knots
  std::vector<double> log_ratios_;
};

}  // namespace kvsim
