// The columns of a comparison: which published figure each shows, and how.

#include <array>

#include <fmt/format.h>

#include "reports/comparison.h"
#include "sim/core/check.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

constexpr Statistic kValue{Statistic::Kind::kValue};
constexpr Statistic kAvg{Statistic::Kind::kAvg};
constexpr Statistic kP50{Statistic::Kind::kPercentile, 50};
constexpr Statistic kP99{Statistic::Kind::kPercentile, 99};

constexpr std::array kColumns{
    Column{"utilization", "util", "%", "%", "KV utilization", 1, 100, "kv.utilization", kAvg},
    Column{"waste", "waste", "%", "%", "waste of KV memory", 1, 100, "kv.waste", kValue},
    Column{"hit_rate", "hit", "%", "%", "prefix cache hit rate", 1, 100, "prefix_cache.hit_rate",
           kValue},
    Column{"ttft_p50_ms", "TTFT", "p50 ms", "ms", "median TTFT", 1, 1, "ttft_ms", kP50},
    Column{"ttft_p99_ms", "TTFT", "p99 ms", "ms", "p99 TTFT", 1, 1, "ttft_ms", kP99},
    Column{"tpot_p50_ms", "TPOT", "p50 ms", "ms", "median TPOT", 2, 1, "tpot_ms", kP50},
    Column{"e2e_mean_ms", "E2E", "mean ms", "ms", "mean end-to-end latency", 1, 1, "e2e_ms", kAvg},
    Column{"request_per_s", "served", "req/s", "req/s", "request throughput", 2, 1,
           "throughput.request_per_s", kValue},
    Column{"output_tok_per_s", "output", "tok/s", "tok/s", "output throughput", 0, 1,
           "throughput.output_tok_per_s", kValue},
    Column{"preemptions", "preempt", "times", "times", "number of preemptions", 0, 1, "preemptions",
           kValue},
    Column{"rejected", "reject", "req", "requests", "number of rejected requests", 0, 1,
           "requests.rejected", kValue},
    Column{"max_running", "batch", "max", "sequences", "largest batch", 0, 1, "batch.max_running",
           kValue},
};

const Metric& metric_of(const Column& column) {
  const auto found = find_metric(column.metric);
  KVSIM_CHECK(found.has_value(), "columns are about published metrics");
  return *found->metric;
}

}  // namespace

Better Column::better() const { return metric_of(*this).better; }

double Column::value(const Report& report) const {
  return figure(metric_of(*this), statistic, report).value_or(0);
}

std::string Column::key() const {
  if (metric_of(*this).kind != Metric::Kind::kTrend) return std::string(metric);
  return fmt::format("{} {}", metric, text_of(statistic));
}

std::vector<double> Column::values(const Variant& variant) const {
  std::vector<double> all;
  for (const Report& run : variant.runs) all.push_back(value(run));
  return all;
}

Interval Column::interval(const Variant& variant) const {
  return confidence_interval(values(variant));
}

std::span<const Column> comparison_columns() { return kColumns; }

const Column& comparison_column(std::string_view name) {
  std::vector<std::string> known;
  for (const Column& column : kColumns) {
    if (column.name == name) return column;
    known.emplace_back(column.name);
  }
  throw InputError(
      "--sort", name,
      fmt::format("no such column; known: {}{}", joined(known), did_you_mean(name, known)));
}

}  // namespace kvsim
