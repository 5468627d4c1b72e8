#include "reports/html/payload.h"

#include "reports/html/finding.h"
#include "reports/html/recorded_json.h"
#include "reports/summary_json.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

Json page(const std::string& title, const std::string& subtitle, Json runs) {
  Json page = Json::object();
  page["report"] = 1;
  page["title"] = title;
  page["subtitle"] = subtitle;
  page["runs"] = std::move(runs);
  return page;
}

// {"/cache/eviction": "lru", ...}
Json flat(const Json& config) {
  Json fields = Json::object();
  const Json all = config.flatten();
  for (const auto& [pointer, value] : all.items())
    if (!pointer.empty() && !value.is_null()) fields[pointer] = value;
  return fields;
}

Json columns(std::span<const Variant> variants) {
  Json rows = Json::array();
  for (const Column& column : comparison_columns()) {
    Json values = Json::array(), best = Json::array();
    for (const Variant& v : variants)
      values.push_back(six_decimals(column.value(v.first()) * column.scale));
    for (const bool is : best_of(column, variants)) best.push_back(is);
    rows.push_back({{"name", column.name},
                    {"sentence", column.sentence},
                    {"unit", column.unit},
                    {"better", column.better() == Better::kLower ? "lower" : "higher"},
                    {"decimals", column.decimals},
                    {"values", std::move(values)},
                    {"best", std::move(best)}});
  }
  return rows;
}

}  // namespace

Json run_payload(const std::string& label, const Report& report, const Json& config,
                 const Recorder* recorder, std::size_t moments) {
  Json run = Json::object();
  run["label"] = label;
  run["summary"] = summary_json(report);
  run["config"] = flat(config);
  if (recorder != nullptr) add_recorded(*recorder, moments, run);
  const std::string verify = config.value("verify", "none");
  run["invariants"] = laws_json(recorder == nullptr ? laws_of_summary(report)
                                                    : recorder->laws.judged(report, verify));
  return run;
}

Json run_page(const Report& report, Json run) {
  return page(finding(report), source_of(report), Json::array({std::move(run)}));
}

Json comparison_page(std::span<const Variant> variants, const Column& about, Json runs) {
  Json all = page(verdict(about, variants), variants.empty() ? "" : source_of(variants[0].first()),
                  std::move(runs));
  all["columns"] = columns(variants);
  return all;
}

}  // namespace kvsim
