#pragma once
// Every metric a run publishes, named once: what thresholds, baselines and comparisons are about.
//
// A metric is called by its path in summary.json with dots ("prefix_cache.hit_rate") or by vLLM's
// Prometheus id, where vLLM has the same ("vllm:prefix_cache_hits", in vLLM's unit). A metric and a
// statistic of it make a figure: one number of a report.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/model/report.h"

namespace kvsim {

/// How a metric is summed up, in the words of k6's thresholds; p(50) and med are the same.
struct Statistic {
  enum class Kind : std::uint8_t { kAvg, kMin, kMax, kMed, kPercentile, kCount, kRate, kValue };
  Kind kind = Kind::kValue;
  double percentile = 0;  ///< kPercentile only.
};
[[nodiscard]] std::string text_of(const Statistic& statistic);

/// kNeither: more of it is not good or bad in itself.
enum class Better : std::uint8_t { kLower, kHigher, kNeither };

struct Metric {
  /// Which statistics there are. kTrend: a distribution; kCounter: count, and rate per simulated
  /// second; kShare: rate; all but kTrend: value.
  enum class Kind : std::uint8_t { kTrend, kCounter, kShare, kGauge };
  std::string_view name;
  std::string_view unit;
  Better better;
  Kind kind;
  std::optional<double> (*value)(const Report&) = nullptr;    ///< Nothing: the run has none.
  const Quantiles* (*distribution)(const Report&) = nullptr;  ///< kTrend only.
  std::string_view vllm = {};
  double vllm_scale = 1;  ///< From our unit to vLLM's.
};

[[nodiscard]] std::span<const Metric> published_metrics();

/// A metric as somebody called it.
struct NamedMetric {
  const Metric* metric;
  double scale;  ///< To the unit that goes with the name.
};
/// Nothing if no metric is called so.
[[nodiscard]] std::optional<NamedMetric> find_metric(std::string_view name);
/// What to say of a name that is none: the nearest one, or all.
[[nodiscard]] std::string unknown_metric(std::string_view name);

/// The statistics a summary holds of `metric`: "avg, med, p(50), p(90), p(95), p(99), max, count".
[[nodiscard]] std::vector<std::string> statistics_of(const Metric& metric);
[[nodiscard]] bool holds(const Metric& metric, const Statistic& statistic);
/// Nothing if the run has no such value: nobody guessed, or nothing was measured. Requires holds().
[[nodiscard]] std::optional<double> figure(const Metric& metric, const Statistic& statistic,
                                           const Report& report);

/// All figures of a report, rounded as in summary.json, by key: "ttft_ms p(99)", "preemptions".
using Figures = std::map<std::string, double, std::less<>>;
[[nodiscard]] Figures figures_of(const Report& report);
/// Their means over several runs, of those that all have.
[[nodiscard]] Figures mean_figures(std::span<const Report> runs);
/// The metric a key of Figures is about; null if it is no such key.
[[nodiscard]] const Metric* metric_of_figure(std::string_view key);

}  // namespace kvsim
