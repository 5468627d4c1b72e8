#pragma once
// The optimal row of a comparison: what eviction could hit at best, at a variant's other settings.

#include <span>
#include <string_view>
#include <vector>

#include "reports/comparison.h"
#include "sim/cli/variants.h"

namespace kvsim {

/// The eviction policy that knows the future (policies/eviction), if this program has it.
inline constexpr std::string_view kOptimalEviction = "optimal";

/// Does this run evict with knowledge of the future?
[[nodiscard]] bool is_bound(const PlannedRun& run);

/// One run per different setting among `runs` apart from the eviction policy, labelled after the
/// first that has it. Only where something was evicted: elsewhere every policy hits alike.
/// `variants` are the outcomes of `runs`. Empty if there is no such policy in this program.
[[nodiscard]] std::vector<PlannedRun> plan_bounds(const std::vector<PlannedRun>& runs,
                                                  std::span<const Variant> variants);

}  // namespace kvsim
