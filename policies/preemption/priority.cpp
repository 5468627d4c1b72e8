// Priority: the least important sequence gives way, the latest arrival among equals.
// Source: vLLM's priority scheduling (vllm/v1/core/sched/scheduler.py: max (priority, arrival)).

#include <tuple>

#include "policies/preemption/ranked_victim.h"

namespace kvsim {
namespace {

auto least_important(const Sequence& s) {
  return std::tuple(s.request.priority, s.request.arrival, s.request.id);
}

const Registered<PreemptionPolicy, RankedVictim<least_important>> kPriority{
    "priority", "The least important gives way, then the latest arrival."};

}  // namespace
}  // namespace kvsim
