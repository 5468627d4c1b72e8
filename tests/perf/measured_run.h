#pragma once
// A whole simulation and what it cost.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/engine/experiment.h"
#include "tests/perf/bench.h"

namespace kvsim::perf {

/// Requests of about 1,000 tokens in and 200 out, 20 a second: a steady load that one H200 serves.
inline std::vector<std::string> generated(std::int64_t requests) {
  return {"/workload/generate/requests=" + std::to_string(requests),
          "/workload/generate/prompt/mean=1000", "/workload/generate/output/mean=200",
          "/workload/arrivals/rate=20"};
}

/// Runs the config that `sets` (as of --set) make.
inline Figures measured_run(const std::vector<std::string>& sets) {
  ConfigView config;
  for (const std::string& assignment : sets) config.set(assignment);
  const Stopwatch watch;
  const Report report = run_experiment(config);
  const double took = watch.seconds();
  const auto tokens = static_cast<double>(report.prompt_tokens + report.output_tokens);
  return {{"time", took, "s"},
          {"requests", static_cast<double>(report.requests.total) / took, "requests/s"},
          {"steps", static_cast<double>(report.batch.steps) / took, "steps/s"},
          {"simulated tokens", tokens / took / 1e6, "M tokens/s"},
          {"time per simulated token", took / tokens * 1e9, "ns"},
          peak_memory()};
}

}  // namespace kvsim::perf
