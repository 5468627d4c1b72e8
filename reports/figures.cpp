#include "reports/figures.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "reports/summary_json.h"
#include "sim/core/check.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Optional = std::optional<double>;
using Kind = Statistic::Kind;
struct Word {
  Kind kind;
  std::string_view text;
};
constexpr std::array kWords{Word{Kind::kAvg, "avg"},     Word{Kind::kMin, "min"},
                            Word{Kind::kMax, "max"},     Word{Kind::kMed, "med"},
                            Word{Kind::kCount, "count"}, Word{Kind::kRate, "rate"},
                            Word{Kind::kValue, "value"}};

// The percentiles of a Quantiles.
struct Percentile {
  double at;
  double Quantiles::*value;
};
constexpr std::array kPercentiles{Percentile{50, &Quantiles::p50}, Percentile{90, &Quantiles::p90},
                                  Percentile{95, &Quantiles::p95}, Percentile{99, &Quantiles::p99}};

Optional of_distribution(const Quantiles& q, const Statistic& statistic) {
  if (statistic.kind == Kind::kCount) return static_cast<double>(q.count);
  if (q.count == 0) return std::nullopt;
  if (statistic.kind == Kind::kAvg) return q.mean;
  if (statistic.kind == Kind::kMax) return q.max;
  const double at = statistic.kind == Kind::kMed ? 50 : statistic.percentile;
  for (const Percentile& p : kPercentiles)
    if (p.at == at) return q.*p.value;
  return std::nullopt;
}

// What Figures has of a trend; of all other metrics it has the value.
const std::array kOfTrends{Statistic{Kind::kAvg},
                           Statistic{Kind::kPercentile, 50},
                           Statistic{Kind::kPercentile, 90},
                           Statistic{Kind::kPercentile, 95},
                           Statistic{Kind::kPercentile, 99},
                           Statistic{Kind::kMax}};

}  // namespace

std::string text_of(const Statistic& statistic) {
  if (statistic.kind == Kind::kPercentile) return fmt::format("p({})", statistic.percentile);
  for (const Word& word : kWords)
    if (word.kind == statistic.kind) return std::string(word.text);
  return "";
}

std::optional<NamedMetric> find_metric(std::string_view name) {
  for (const Metric& metric : published_metrics()) {
    if (metric.name == name) return NamedMetric{&metric, 1};
    if (!metric.vllm.empty() && metric.vllm == name) return NamedMetric{&metric, metric.vllm_scale};
  }
  return std::nullopt;
}

std::string unknown_metric(std::string_view name) {
  std::vector<std::string> known;
  for (const Metric& metric : published_metrics()) known.emplace_back(metric.name);
  for (const Metric& metric : published_metrics())
    if (!metric.vllm.empty()) known.emplace_back(metric.vllm);
  std::string hint = did_you_mean(name, known);
  std::vector<std::string> longer;  // "hit_rate" for "prefix_cache.hit_rate"
  for (const std::string& word : known)
    if (!name.empty() && word.find(name) != std::string::npos) longer.push_back(word);
  if (hint.empty() && !longer.empty())
    hint = fmt::format(" (did you mean one of {}?)", joined(longer));
  return hint.empty() ? fmt::format("no metric named '{}'; known: {}", name, joined(known))
                      : fmt::format("no metric named '{}'{}", name, hint);
}

std::vector<std::string> statistics_of(const Metric& metric) {
  switch (metric.kind) {
    case Metric::Kind::kTrend:
      return {"avg", "med", "p(50)", "p(90)", "p(95)", "p(99)", "max", "count"};
    case Metric::Kind::kCounter:
      return {"count", "rate", "value"};
    case Metric::Kind::kShare:
      return {"rate", "value"};
    case Metric::Kind::kGauge:
      return {"value"};
  }
  return {};
}

bool holds(const Metric& metric, const Statistic& statistic) {
  const std::vector<std::string> held = statistics_of(metric);
  return std::find(held.begin(), held.end(), text_of(statistic)) != held.end();
}

Optional figure(const Metric& metric, const Statistic& statistic, const Report& report) {
  KVSIM_CHECK(holds(metric, statistic), "only statistics that a summary holds are asked for");
  if (metric.kind == Metric::Kind::kTrend)
    return of_distribution(*metric.distribution(report), statistic);
  const Optional value = metric.value(report);
  if (!value || metric.kind != Metric::Kind::kCounter || statistic.kind != Kind::kRate)
    return value;
  if (report.duration_s <= 0) return std::nullopt;
  return *value / report.duration_s;
}

Figures figures_of(const Report& report) {
  Figures figures;
  for (const Metric& metric : published_metrics()) {
    if (metric.kind == Metric::Kind::kTrend) {
      for (const Statistic& statistic : kOfTrends)
        if (const Optional value = figure(metric, statistic, report))
          figures.emplace(fmt::format("{} {}", metric.name, text_of(statistic)),
                          six_decimals(*value));
    } else if (const Optional value = metric.value(report)) {
      figures.emplace(metric.name, six_decimals(*value));
    }
  }
  return figures;
}

Figures mean_figures(std::span<const Report> runs) {
  KVSIM_CHECK(!runs.empty(), "a mean is over something");
  Figures sums = figures_of(runs.front());
  for (const Report& run : runs.subspan(1)) {
    const Figures more = figures_of(run);
    std::erase_if(sums, [&](const auto& item) { return !more.contains(item.first); });
    for (auto& [key, sum] : sums) sum += more.find(key)->second;
  }
  for (auto& [key, sum] : sums) sum /= static_cast<double>(runs.size());
  return sums;
}

const Metric* metric_of_figure(std::string_view key) {
  for (const Metric& metric : published_metrics()) {
    if (metric.kind != Metric::Kind::kTrend) {
      if (metric.name == key) return &metric;
      continue;
    }
    for (const Statistic& statistic : kOfTrends)
      if (key == fmt::format("{} {}", metric.name, text_of(statistic))) return &metric;
  }
  return nullptr;
}

}  // namespace kvsim
