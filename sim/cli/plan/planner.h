#pragma once
// Planner: from candidates and an SLO to the smallest fleets, the cheapest of them, and what would
// change it.

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reports/plan_report.h"
#include "sim/cli/plan/slo.h"
#include "sim/core/config_view.h"

namespace kvsim {

/// One device with its settings; how many replicas is what the plan finds.
struct Candidate {
  std::string label;
  nlohmann::ordered_json settings;
  ConfigView config;
  std::string device;
  double price_per_gpu = 1;  ///< An hour of a GPU; 1: GPUs are counted.
};

struct PlanRequest {
  std::vector<Candidate> candidates;  ///< At least one.
  Slo slo;
  double within = 1.5;  ///< Fleets of up to so many times the cheapest one's price are looked into.
  std::int64_t max_gpus = 64;
  std::int64_t seeds = 1;
  std::size_t threads = 1;
  std::function<void(double share)> progress;  ///< From one thread at a time.
};

/// GPUs of one replica.
[[nodiscard]] std::int64_t gpus_per_replica(const ConfigView& config);

/// Fills everything of the report but prices' currency and sources, and the lines to serve with.
[[nodiscard]] PlanReport make_plan(const PlanRequest& request);

}  // namespace kvsim
