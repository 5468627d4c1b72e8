#include "reports/validation.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/run_table.h"
#include "reports/summary_json.h"
#include "reports/text.h"

namespace kvsim {
namespace {

// The smallest value that at least `share` of all do not exceed.
double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(
      std::max(std::ceil(share * static_cast<double>(values.size())) - 1, 0.0));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::string signed_percent(double share) { return fmt::format("{:+.1f} %", 100 * share); }

}  // namespace

ValidationError error_of(const ValidatedMetric& metric) {
  std::vector<double> measured;
  std::vector<double> simulated;
  std::vector<double> off;
  for (const auto& [truth, guess] : metric.pairs) {
    measured.push_back(truth);
    simulated.push_back(guess);
    if (truth > 0) off.push_back(std::abs(guess / truth - 1));
  }
  ValidationError error;
  error.requests = metric.pairs.size();
  error.measured_mean = mean(measured);
  error.simulated_mean = mean(simulated);
  error.measured_p50 = quantile(measured, 0.5);
  error.simulated_p50 = quantile(simulated, 0.5);
  error.measured_p99 = quantile(measured, 0.99);
  error.simulated_p99 = quantile(simulated, 0.99);
  if (error.measured_mean > 0) error.mean_error = error.simulated_mean / error.measured_mean - 1;
  error.request_median = quantile(off, 0.5);
  error.request_p90 = quantile(off, 0.9);
  return error;
}

std::string validation_text(const std::vector<ValidatedMetric>& metrics, const Report& report,
                            std::size_t lost) {
  Cells rows{{"ms", "measured mean", "simulated", "error", "measured p50", "simulated",
              "measured p99", "simulated", "per request: median", "p90"}};
  for (const ValidatedMetric& metric : metrics) {
    const ValidationError e = error_of(metric);
    rows.push_back({std::string(metric.name), grouped(e.measured_mean, 2),
                    grouped(e.simulated_mean, 2), signed_percent(e.mean_error),
                    grouped(e.measured_p50, 2), grouped(e.simulated_p50, 2),
                    grouped(e.measured_p99, 2), grouped(e.simulated_p99, 2),
                    percent(e.request_median), percent(e.request_p90)});
  }
  const std::size_t served = metrics.empty() ? 0 : metrics[0].pairs.size();
  return fmt::format("{}: {} requests that both served{}\n\n{}\ntimes: {}\n",
                     report.provenance.trace_name, grouped(static_cast<std::int64_t>(served)),
                     lost == 0 ? std::string()
                               : fmt::format(", {} more that only the server completed",
                                             grouped(static_cast<std::int64_t>(lost))),
                     aligned(rows), times_of(report.provenance));
}

std::string validation_json(const std::vector<ValidatedMetric>& metrics, const Report& report,
                            std::size_t lost) {
  nlohmann::ordered_json document = {{"schema_version", 1}, {"lost", lost}};
  document["metrics"] = nlohmann::ordered_json::object();
  for (const ValidatedMetric& metric : metrics) {
    const ValidationError e = error_of(metric);
    document["metrics"][std::string(metric.name)] = {
        {"requests", e.requests},
        {"measured",
         {{"mean", six_decimals(e.measured_mean)},
          {"p50", six_decimals(e.measured_p50)},
          {"p99", six_decimals(e.measured_p99)}}},
        {"simulated",
         {{"mean", six_decimals(e.simulated_mean)},
          {"p50", six_decimals(e.simulated_p50)},
          {"p99", six_decimals(e.simulated_p99)}}},
        {"mean_error", six_decimals(e.mean_error)},
        {"request_error",
         {{"median", six_decimals(e.request_median)}, {"p90", six_decimals(e.request_p90)}}}};
  }
  document["summary"] = summary_json(report);
  return document.dump(2) + "\n";
}

}  // namespace kvsim
