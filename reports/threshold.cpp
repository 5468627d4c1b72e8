#include "reports/threshold.h"

#include <array>
#include <regex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/core/config_schema.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Operator = Threshold::Operator;
using Kind = Statistic::Kind;

const DeclaredFields kFields{
    note(tree_field("/thresholds", "{}",
                    "What `kvsim check` holds a run to: metric -> [\"p(95)<200\", ...], in k6's "
                    "grammar.")),
};

struct OperatorWord {
  std::string_view text;
  Operator op;
};
constexpr std::array kOperators{
    OperatorWord{"<", Operator::kLess},   OperatorWord{"<=", Operator::kAtMost},
    OperatorWord{">", Operator::kMore},   OperatorWord{">=", Operator::kAtLeast},
    OperatorWord{"==", Operator::kEqual}, OperatorWord{"!=", Operator::kUnequal}};

Operator operator_of(std::string_view text) {
  for (const OperatorWord& word : kOperators)
    if (word.text == text) return word.op;
  return Operator::kLess;
}

Statistic statistic_of(const std::string& word, const std::string& percentile) {
  if (!percentile.empty()) return {Kind::kPercentile, std::stod(percentile)};
  for (const Kind kind :
       {Kind::kAvg, Kind::kMin, Kind::kMax, Kind::kMed, Kind::kCount, Kind::kRate})
    if (word == text_of({kind})) return {kind};
  return {Kind::kValue};
}

bool compare(double value, Operator op, double limit) {
  switch (op) {
    case Operator::kLess:
      return value < limit;
    case Operator::kAtMost:
      return value <= limit;
    case Operator::kMore:
      return value > limit;
    case Operator::kAtLeast:
      return value >= limit;
    case Operator::kEqual:
      return value == limit;
    case Operator::kUnequal:
      return value != limit;
  }
  return false;
}

// Where the user's mistakes are: /thresholds/METRIC/INDEX of the config.
struct Place {
  const ConfigView& config;
  std::string inside;
  [[noreturn]] void fail(std::string_view problem) const {
    config.fail("/thresholds", inside, problem);
  }
};

Threshold parse(const std::string& name, const NamedMetric& metric, const Json& said,
                const Place& place) {
  if (said.is_object() && said.contains("abortOnFail"))
    place.fail(
        "abortOnFail is not supported: a simulation is judged when it is over; write the "
        "threshold alone, as in \"p(95)<200\"");
  if (!said.is_string())
    place.fail(fmt::format("expected a string as in \"p(95)<200\", got {}", shown(said)));
  static const std::regex grammar(
      R"(\s*(avg|min|max|med|count|rate|value|p\(\s*(\d+(?:\.\d+)?)\s*\))\s*)"
      R"((<=|>=|==|!=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)\s*)");
  const auto text = said.get<std::string>();
  std::smatch parts;
  constexpr std::size_t kLongest = 100;
  if (text.size() > kLongest || !std::regex_match(text, parts, grammar))
    place.fail(
        fmt::format("expected STATISTIC OPERATOR NUMBER as in 'p(95)<200', got {}; "
                    "statistics: avg, min, max, med, p(N), count, rate, value; operators: "
                    "<, <=, >, >=, ==, !=",
                    shown(said)));
  const Statistic statistic = statistic_of(parts[1], parts[2]);
  if (!holds(*metric.metric, statistic))
    place.fail(fmt::format("a summary holds no {} of {}; it holds {}", text_of(statistic), name,
                           joined(statistics_of(*metric.metric))));
  return {name, text, metric, statistic, operator_of(parts[3].str()), std::stod(parts[4])};
}

}  // namespace

std::vector<Threshold> read_thresholds(const ConfigView& config) {
  const Json tree = config.tree("/thresholds");
  if (!tree.is_object())
    config.fail("/thresholds", "expected an object of metric: list of strings");
  std::vector<Threshold> thresholds;
  for (const auto& [name, list] : tree.items()) {
    const Place place{config, "/" + name};
    const std::optional<NamedMetric> metric = find_metric(name);
    if (!metric) place.fail(unknown_metric(name));
    if (!list.is_array()) place.fail("expected a list of strings, as in [\"p(95)<200\"]");
    for (std::size_t i = 0; i < list.size(); ++i)
      thresholds.push_back(parse(name, *metric, list[i], {config, fmt::format("/{}/{}", name, i)}));
  }
  return thresholds;
}

Finding judge(const Threshold& t, const Report& report) {
  const Metric& metric = *t.metric.metric;
  const bool of_times = t.metric.scale != 1 && t.statistic.kind != Kind::kCount;
  Finding finding;
  finding.figure = fmt::format("{} {}", t.name, text_of(t.statistic));
  finding.rule = t.text;
  finding.limit = t.limit;
  // As summary.json says it, so that a run and its file are judged alike.
  finding.value = figure(metric, t.statistic, report);
  if (finding.value) finding.value = six_decimals(*finding.value) * (of_times ? t.metric.scale : 1);
  const bool kept = finding.value && compare(*finding.value, t.op, t.limit);
  finding.outcome = kept ? Finding::Outcome::kKept : Finding::Outcome::kCrossed;
  return finding;
}

}  // namespace kvsim
