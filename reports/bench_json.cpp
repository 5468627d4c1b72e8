#include "reports/bench_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/comparison.h"
#include "reports/run_table.h"
#include "reports/summary_json.h"

namespace kvsim {

std::string bench_json(const Report& report, Better better) {
  using Json = nlohmann::ordered_json;
  const Report::Provenance& p = report.provenance;
  Json entries = Json::array();
  for (const Column& column : comparison_columns())
    if (column.better() == better)
      entries.push_back({{"name", column.name},
                         {"unit", column.unit},
                         {"value", six_decimals(column.value(report) * column.scale)},
                         {"extra", fmt::format("times: {}; trace: {}; config {}", times_of(p),
                                               p.trace_name, p.config_digest)}});
  return entries.dump(2) + "\n";
}

}  // namespace kvsim
