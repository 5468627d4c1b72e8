#pragma once
// What a config's /faults says: what the fleet must act upon, and how slow each link is over time.

#include <functional>
#include <map>
#include <utility>

#include "sim/core/config_view.h"
#include "sim/engine/faults/fault_plan.h"

namespace kvsim {

/// What there is that may fail.
struct FaultTargets {
  std::size_t replicas = 1;
  /// Does this replica have such a part? Of the shared store: does it use it?
  std::function<bool(Part, ReplicaId)> has;
};

struct Faults {
  FaultPlan events;  ///< All but slow links, which nobody needs to be told of.
  std::map<std::pair<Part, ReplicaId>, FaultPlan> slow_links;
};

/// Throws InputError for what makes no sense, or befalls what is not there.
[[nodiscard]] Faults read_faults(const ConfigView& config, const FaultTargets& targets,
                                 std::uint64_t seed);

}  // namespace kvsim
