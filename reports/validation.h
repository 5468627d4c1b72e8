#pragma once
// A simulation held against the measured run it repeats: errors per metric, as a table and as JSON.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/model/report.h"

namespace kvsim {

/// One metric of the requests that both served: pairs of measured and simulated milliseconds.
struct ValidatedMetric {
  std::string_view name;
  std::vector<std::pair<double, double>> pairs;
};

struct ValidationError {
  std::size_t requests = 0;
  double measured_mean = 0, simulated_mean = 0;
  double measured_p50 = 0, simulated_p50 = 0;
  double measured_p99 = 0, simulated_p99 = 0;
  double mean_error = 0;                       ///< simulated / measured mean - 1.
  double request_median = 0, request_p90 = 0;  ///< Of |simulated / measured - 1|, per request.
};

[[nodiscard]] ValidationError error_of(const ValidatedMetric& metric);

/// `lost`: requests that were measured and that the simulation did not complete.
[[nodiscard]] std::string validation_text(const std::vector<ValidatedMetric>& metrics,
                                          const Report& report, std::size_t lost);
[[nodiscard]] std::string validation_json(const std::vector<ValidatedMetric>& metrics,
                                          const Report& report, std::size_t lost);

}  // namespace kvsim
