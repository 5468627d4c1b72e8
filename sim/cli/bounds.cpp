#include "sim/cli/bounds.h"

#include <algorithm>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

constexpr const char* kEviction = "/cache/eviction";

bool evicted(const Variant& variant) {
  return std::any_of(variant.runs.begin(), variant.runs.end(),
                     [](const Report& run) { return run.evictions > 0; });
}

// "paged lru" with optimal in the place of lru; behind it all where the label does not say lru.
std::string relabelled(std::string label, const std::string& policy) {
  const std::size_t at = label.rfind(policy);
  if (at == std::string::npos) return label + " " + std::string(kOptimalEviction);
  return label.replace(at, policy.size(), kOptimalEviction);
}

PlannedRun bound_of(const PlannedRun& run) {
  PlannedRun bound = run;
  bound.label = relabelled(run.label, run.config.text(kEviction));
  bound.settings[kEviction] = kOptimalEviction;
  bound.config.set(kEviction, std::string(kOptimalEviction), "kvsim compare");
  return bound;
}

}  // namespace

bool is_bound(const PlannedRun& run) { return run.config.text(kEviction) == kOptimalEviction; }

std::vector<PlannedRun> plan_bounds(const std::vector<PlannedRun>& runs,
                                    std::span<const Variant> variants) {
  KVSIM_CHECK(runs.size() == variants.size(), "every run has an outcome");
  if (!Registry<EvictionPolicy>::entries().contains(kOptimalEviction)) return {};
  std::vector<PlannedRun> bounds;
  std::set<std::string> planned;  // digests
  for (const PlannedRun& run : runs)
    if (is_bound(run)) planned.insert(run.config.digest());  // asked for by name
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!evicted(variants[i])) continue;
    PlannedRun bound = bound_of(runs[i]);
    if (planned.insert(bound.config.digest()).second) bounds.push_back(std::move(bound));
  }
  return bounds;
}

}  // namespace kvsim
