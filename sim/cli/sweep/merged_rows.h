#pragma once
// The points of a sweep with their outcomes, as rows: JSON lines
// (reports/schema/sweep_row.schema.json) and CSV.

#include <string>
#include <vector>

#include "sim/cli/sweep/manifest.h"
#include "sim/cli/sweep/point_result.h"

namespace kvsim {

/// One line with its end. Requires a settled result.
[[nodiscard]] std::string merged_json(const SweepPoint& point, const PointResult& result);

/// Columns: the point, a column for every field in which points differ, error, and those of
/// `kvsim compare --csv`, empty where the point could not run.
class MergedCsv {
 public:
  explicit MergedCsv(const std::vector<SweepPoint>& points);
  [[nodiscard]] std::string header() const;
  /// Requires a settled result.
  [[nodiscard]] std::string row(const SweepPoint& point, const PointResult& result) const;

 private:
  std::vector<std::string> pointers_;  // in order of appearance
};

}  // namespace kvsim
