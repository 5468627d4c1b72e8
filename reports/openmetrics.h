#pragma once
// OpenMetrics text of a run, under vLLM's metric names, with simulated timestamps: what a
// Prometheus would have scraped. `promtool tsdb create-blocks-from openmetrics` loads it.
//
// Values are sums over the replicas. The simulation's zero is 1970-01-01.

#include <string_view>

#include "reports/atomic_file.h"
#include "reports/latency_timeline.h"
#include "reports/timeline.h"

namespace kvsim {

/// Requires that the run both have watched has ended. `model` is every sample's model_name.
void write_openmetrics(const Timeline& timeline, const LatencyTimeline& latencies,
                       std::string_view model, const Sink& sink);

}  // namespace kvsim
