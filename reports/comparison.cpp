#include "reports/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "reports/text.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

double wasted(const Report& r) {
  return r.kv.waste.reserved + r.kv.waste.internal + r.kv.waste.external;
}

constexpr std::array kColumns{
    Column{"utilization", "util", "%", "%", "KV utilization", Better::kHigher, 1, 100,
           [](const Report& r) { return r.kv.utilization.mean; }},
    Column{"waste", "waste", "%", "%", "waste of KV memory", Better::kLower, 1, 100, wasted},
    Column{"hit_rate", "hit", "%", "%", "prefix cache hit rate", Better::kHigher, 1, 100,
           [](const Report& r) { return r.prefix_cache.hit_rate; }},
    Column{"ttft_p50_ms", "TTFT", "p50 ms", "ms", "median TTFT", Better::kLower, 1, 1,
           [](const Report& r) { return r.ttft_ms.p50; }},
    Column{"ttft_p99_ms", "TTFT", "p99 ms", "ms", "p99 TTFT", Better::kLower, 1, 1,
           [](const Report& r) { return r.ttft_ms.p99; }},
    Column{"tpot_p50_ms", "TPOT", "p50 ms", "ms", "median TPOT", Better::kLower, 2, 1,
           [](const Report& r) { return r.tpot_ms.p50; }},
    Column{"e2e_mean_ms", "E2E", "mean ms", "ms", "mean end-to-end latency", Better::kLower, 1, 1,
           [](const Report& r) { return r.e2e_ms.mean; }},
    Column{"request_per_s", "served", "req/s", "req/s", "request throughput", Better::kHigher, 2, 1,
           [](const Report& r) { return r.throughput.request_per_s; }},
    Column{"output_tok_per_s", "output", "tok/s", "tok/s", "output throughput", Better::kHigher, 0,
           1, [](const Report& r) { return r.throughput.output_tok_per_s; }},
    Column{"preemptions", "preempt", "times", "times", "number of preemptions", Better::kLower, 0,
           1, [](const Report& r) { return static_cast<double>(r.preemptions); }},
    Column{"rejected", "reject", "req", "requests", "number of rejected requests", Better::kLower,
           0, 1, [](const Report& r) { return static_cast<double>(r.requests.rejected); }},
    Column{"max_running", "batch", "max", "sequences", "largest batch", Better::kHigher, 0, 1,
           [](const Report& r) { return static_cast<double>(r.batch.max_running); }},
};

std::int64_t lost(const Variant& v) {
  return v.report.requests.rejected + v.report.requests.unfinished;
}

std::int64_t fewest_lost(std::span<const Variant> variants) {
  std::int64_t fewest = variants.empty() ? 0 : lost(variants.front());
  for (const Variant& v : variants) fewest = std::min(fewest, lost(v));
  return fewest;
}

// Shown values compare, so that two cells that read the same are the same.
double rounded(const Column& column, const Report& report) {
  const double unit = std::pow(10.0, column.decimals);
  return std::round(column.value(report) * column.scale * unit) / unit;
}

bool is_better(const Column& column, const Report& a, const Report& b) {
  return column.better == Better::kLower ? rounded(column, a) < rounded(column, b)
                                         : rounded(column, a) > rounded(column, b);
}

// "12.3 % below X", or "2.5x X" once percents stop reading well.
std::string distance(const Column& column, const Variant& best, const Variant& other) {
  const double a = rounded(column, best.report);
  const double b = rounded(column, other.report);
  const bool lower = column.better == Better::kLower;
  if (a == b) return fmt::format("the same as {}", other.label);
  if (std::min(a, b) <= 0)
    return fmt::format("{} has {}", other.label, shown(column, other.report));
  const double times = lower ? b / a : a / b;
  if (times >= 2)
    return fmt::format("{:.1f}x {} than {}", times, lower ? "lower" : "higher", other.label);
  return fmt::format("{:.1f} % {} {}", 100 * std::abs(b - a) / b, lower ? "below" : "above",
                     other.label);
}

}  // namespace

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

std::string shown(const Column& column, const Report& report) {
  return grouped(rounded(column, report), column.decimals);
}

std::vector<bool> best_of(const Column& column, std::span<const Variant> variants) {
  const std::int64_t fewest = fewest_lost(variants);
  std::vector<bool> best(variants.size(), false);
  bool some_worse = false;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (lost(variants[i]) != fewest) continue;
    best[i] = std::none_of(variants.begin(), variants.end(), [&](const Variant& other) {
      return lost(other) == fewest && is_better(column, other.report, variants[i].report);
    });
    some_worse |= !best[i];
  }
  return some_worse ? best : std::vector<bool>(variants.size(), false);
}

void sort_by(const Column& column, std::vector<Variant>& variants) {
  std::stable_sort(variants.begin(), variants.end(), [&](const Variant& a, const Variant& b) {
    return lost(a) != lost(b) ? lost(a) < lost(b) : is_better(column, a.report, b.report);
  });
}

std::string verdict(const Column& column, std::span<const Variant> variants) {
  std::vector<Variant> ranking(variants.begin(), variants.end());
  sort_by(column, ranking);
  const std::int64_t fewest = fewest_lost(variants);
  std::erase_if(ranking, [&](const Variant& v) { return lost(v) != fewest; });
  if (ranking.empty()) return "nothing to compare";
  const std::size_t left_out = variants.size() - ranking.size();
  const std::string aside =
      left_out == 0 ? ""
                    : fmt::format(" ({} lost more requests)",
                                  counted(static_cast<std::int64_t>(left_out), "variant"));
  const Variant& first = ranking.front();
  const Variant& last = ranking.back();
  if (ranking.size() == 1)
    return fmt::format("{} has a {} of {} {}{}", first.label, column.sentence,
                       shown(column, first.report), column.unit, aside);
  if (!is_better(column, first.report, last.report))
    return fmt::format("no difference in {}: {} {} for all{}", column.sentence,
                       shown(column, first.report), column.unit, aside);
  std::string text =
      fmt::format("{} has the {} {}: {} {}, {}", first.label,
                  column.better == Better::kLower ? "lowest" : "highest", column.sentence,
                  shown(column, first.report), column.unit, distance(column, first, ranking[1]));
  if (ranking.size() > 2) text += fmt::format(" and {}", distance(column, first, last));
  return text + aside;
}

}  // namespace kvsim
