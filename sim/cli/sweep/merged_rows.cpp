#include "sim/cli/sweep/merged_rows.h"

#include <set>

#include <fmt/format.h>

#include "reports/comparison.h"
#include "reports/summary_json.h"
#include "reports/text.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Json& value) {
  if (value.is_null()) return {};
  return csv_cell(value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

std::string merged_json(const SweepPoint& point, const PointResult& result) {
  Json row = {{"index", point.index},
              {"id", point.id},
              {"label", point.label},
              {"settings", point.settings}};
  if (result.state == PointResult::State::kFailed)
    row["error"] = result.problem;
  else
    row["summary"] = result.summary;
  return row.dump() + "\n";
}

MergedCsv::MergedCsv(const std::vector<SweepPoint>& points) {
  std::set<std::string> seen;
  for (const SweepPoint& point : points)
    for (const auto& [pointer, value] : point.settings.items())
      if (seen.insert(pointer).second) pointers_.push_back(pointer);
}

std::string MergedCsv::header() const {
  std::string text = "index,id,label";
  for (const std::string& pointer : pointers_) text += fmt::format(",{}", csv_cell(pointer));
  text += ",error";
  for (const Column& column : comparison_columns()) text += fmt::format(",{}", column.name);
  return text + "\n";
}

std::string MergedCsv::row(const SweepPoint& point, const PointResult& result) const {
  std::string text = fmt::format("{},{},{}", point.index, point.id, csv_cell(point.label));
  for (const std::string& pointer : pointers_)
    text += fmt::format(",{}", cell(point.settings.value(pointer, Json())));
  text += fmt::format(",{}", csv_cell(result.problem));
  const bool done = result.state == PointResult::State::kDone;
  const Report report = done ? read_summary(result.summary, point.id) : Report{};
  for (const Column& column : comparison_columns())
    text += done ? fmt::format(",{}", six_decimals(column.value(report))) : ",";
  return text + "\n";
}

}  // namespace kvsim
