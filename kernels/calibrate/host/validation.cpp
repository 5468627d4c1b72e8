#include "kernels/calibrate/host/validation.h"

#include <cstdio>

#include "kernels/fit/fit_law.h"

namespace kvsim::calibrate {
namespace {

ErrorSummary errors_of(const std::vector<ReplayedStep>& steps) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const ReplayedStep& step : steps) {
    predicted.push_back(step.predicted);
    measured.push_back(step.measured.median);
  }
  return summarise(predicted, measured);
}

}  // namespace

std::int64_t tokens_of(const StepCase& step) {
  std::int64_t tokens = 0;
  for (const std::int32_t length : step.lengths) tokens += length;
  for (const Chunk& chunk : step.chunks) tokens += chunk.prior + chunk.fresh;
  return tokens;
}

std::string validation_text(const std::vector<ReplayedStep>& steps) {
  if (steps.empty()) return "no steps\n";
  std::string all = "      step   KV tokens  predicted us  measured us   error\n";
  char line[128];
  for (const ReplayedStep& s : steps) {
    std::snprintf(line, sizeof line, "%10lld %11lld %13.1f %12.1f %+6.1f %%\n",
                  static_cast<long long>(s.number), static_cast<long long>(s.tokens), s.predicted,
                  s.measured.median, 100 * (s.predicted / s.measured.median - 1));
    all += line;
  }
  const ErrorSummary e = errors_of(steps);
  std::snprintf(line, sizeof line, "%d steps: error median %.1f %%, p95 %.1f %%, bias %+.1f %%\n",
                e.count, 100 * e.median, 100 * e.p95, 100 * e.bias);
  return all + line;
}

Json validation_json(const std::vector<ReplayedStep>& steps) {
  Json rows = Json::list();
  for (const ReplayedStep& s : steps)
    rows.push(Json::object({{"step", s.number},
                            {"kv_tokens", s.tokens},
                            {"predicted_us", s.predicted},
                            {"us_median", s.measured.median},
                            {"us_p10", s.measured.p10},
                            {"us_p90", s.measured.p90}}));
  const ErrorSummary e = errors_of(steps);
  return Json::object({{"count", e.count},
                       {"median", e.median},
                       {"p95", e.p95},
                       {"bias", e.bias},
                       {"steps", rows}});
}

}  // namespace kvsim::calibrate
