#include "reports/baseline.h"

#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "sim/core/input_error.h"
#include "sim/core/json_text.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// 0.5, or "2%".
std::optional<Tolerance> tolerance_of(const Json& said) {
  Tolerance tolerance;
  if (said.is_number()) {
    tolerance.amount = said.get<double>();
  } else {
    if (!said.is_string()) return std::nullopt;
    const auto text = said.get<std::string>();
    if (!text.ends_with('%')) return std::nullopt;
    const auto percent = number_of(text.substr(0, text.find_last_not_of(" %") + 1));
    if (!percent) return std::nullopt;
    tolerance = {*percent / 100, true};
  }
  if (!std::isfinite(tolerance.amount) || tolerance.amount < 0) return std::nullopt;
  return tolerance;
}

std::string said_as(const Tolerance& tolerance) {
  return tolerance.relative ? fmt::format("{}%", 100 * tolerance.amount)
                            : fmt::format("{}", tolerance.amount);
}

class Reader {
 public:
  Reader(const Json& document, std::string_view file) : document_(document), file_(file) {}
  [[noreturn]] void fail(const std::string& where, std::string_view problem) const {
    throw InputError(file_, "/" + where, problem);
  }
  [[nodiscard]] const Json& at(const char* key, bool right, std::string_view what) const {
    if (!document_.contains(key)) fail(key, "missing: not a baseline of this kvsim");
    if (!right) fail(key, fmt::format("expected {}", what));
    return document_[key];
  }
  [[nodiscard]] const Json& object(const char* key) const {
    return at(key, document_.contains(key) && document_[key].is_object(), "an object");
  }
  [[nodiscard]] std::string text(const char* key) const {
    return at(key, document_.contains(key) && document_[key].is_string(), "a string")
        .get<std::string>();
  }
  void check_keys() const {
    const std::vector<std::string> known{"schema_version", "config_digest", "trace_digest",
                                         "config",         "tolerances",    "values"};
    for (const auto& [key, value] : document_.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        fail(key, fmt::format("unknown key; known: {}{}", joined(known), did_you_mean(key, known)));
  }

 private:
  const Json& document_;
  std::string_view file_;
};

// The tolerance that counts for a figure, and whether it was given to it or its metric by name.
struct Held {
  Tolerance tolerance;
  bool by_name = false;
};
Held held(const Baseline& baseline, std::string_view figure, const Metric& metric) {
  for (const std::string_view name : {figure, metric.name}) {
    const auto found = baseline.tolerances.find(name);
    if (found != baseline.tolerances.end()) return {found->second, true};
  }
  const auto all = baseline.tolerances.find("*");
  return {all == baseline.tolerances.end() ? Tolerance() : all->second, false};
}

Finding judge_one(const std::string& figure, double was, const Figures& figures,
                  const Tolerance& tolerance, Better better) {
  Finding finding;
  finding.figure = figure;
  finding.rule = fmt::format("{} +-{}", number_text(was), said_as(tolerance));
  finding.limit = was;
  const auto is = figures.find(figure);
  if (is == figures.end()) {  // measured once, and no more
    finding.outcome = Finding::Outcome::kCrossed;
    return finding;
  }
  finding.value = is->second;
  const double rise = is->second - was;
  // Both sides have six decimals; what subtraction adds beyond is no difference.
  const double room = tolerance.amount * (tolerance.relative ? std::abs(was) : 1) + 1e-9;
  const double worse = better == Better::kNeither ? std::abs(rise)
                       : better == Better::kLower ? rise
                                                  : -rise;
  if (worse > room) finding.outcome = Finding::Outcome::kCrossed;
  if (worse < -room) finding.outcome = Finding::Outcome::kBetter;
  return finding;
}

}  // namespace

Baseline read_baseline(const Json& document, std::string_view file) {
  if (!document.is_object()) throw InputError(file, "/", "expected a baseline object");
  const Json version = document.value("schema_version", Json(nullptr));
  if (version != kBaselineSchemaVersion)
    throw InputError(file, "/schema_version",
                     fmt::format("expected {}, got {}; --update-baseline writes a new one",
                                 kBaselineSchemaVersion, version.dump()));
  const Reader reader(document, file);
  reader.check_keys();
  Baseline baseline;
  baseline.config_digest = reader.text("config_digest");
  baseline.trace_digest = reader.text("trace_digest");
  baseline.config = reader.object("config");
  baseline.tolerances.clear();
  for (const auto& [name, said] : reader.object("tolerances").items()) {
    const bool known = name == "*" || metric_of_figure(name) != nullptr ||
                       (find_metric(name) && find_metric(name)->metric->name == name);
    if (!known) reader.fail("tolerances/" + name, unknown_metric(name));
    const std::optional<Tolerance> tolerance = tolerance_of(said);
    if (!tolerance)
      reader.fail(
          "tolerances/" + name,
          fmt::format("expected a number from 0, or a share as in \"2%\", got {}", shown(said)));
    baseline.tolerances.emplace(name, *tolerance);
  }
  for (const auto& [figure, value] : reader.object("values").items()) {
    if (metric_of_figure(figure) == nullptr)
      reader.fail("values/" + figure, unknown_metric(figure));
    if (!value.is_number()) reader.fail("values/" + figure, "expected a number");
    baseline.values.emplace(figure, value.get<double>());
  }
  return baseline;
}

std::string baseline_text(const Baseline& baseline) {
  Json document = Json::object();
  document["schema_version"] = kBaselineSchemaVersion;
  document["config_digest"] = baseline.config_digest;
  document["trace_digest"] = baseline.trace_digest;
  document["config"] = baseline.config;
  Json& tolerances = document["tolerances"] = Json::object();
  for (const auto& [name, tolerance] : baseline.tolerances)
    tolerances[name] = tolerance.relative ? Json(said_as(tolerance)) : Json(tolerance.amount);
  document["values"] = Json::object();
  for (const auto& [figure, value] : baseline.values) document["values"][figure] = value;
  return document.dump(2) + "\n";
}

std::vector<Finding> judge(const Baseline& baseline, const Figures& figures) {
  std::vector<Finding> findings;
  for (const auto& [figure, was] : baseline.values) {
    const Metric& metric = *metric_of_figure(figure);
    const Held rule = held(baseline, figure, metric);
    if (metric.better == Better::kNeither && !rule.by_name) continue;
    findings.push_back(judge_one(figure, was, figures, rule.tolerance, metric.better));
  }
  return findings;
}

}  // namespace kvsim
