#pragma once
// The page of `kvsim plan --html FILE`: the fleets that keep the goals, side by side.

#include <nlohmann/json.hpp>

#include "reports/plan_report.h"

namespace kvsim {

/// A comparison whose runs are the fleets, cheapest first, and whose columns are what a plan is
/// about: price, goals, load, room. One fleet: its run. None: the title says so.
[[nodiscard]] nlohmann::ordered_json plan_page(const PlanReport& plan);

}  // namespace kvsim
