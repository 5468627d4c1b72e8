#pragma once
// Admission with the memory of a whole life set aside: what Orca and static batching share.

#include "sim/model/allocator.h"
#include "sim/model/step.h"

namespace kvsim {

/// Admits `s` with its prompt computed in this step and room for all its output. All or nothing;
/// on true the plan holds the admission and the work, and `s` runs.
[[nodiscard]] inline bool admit_for_life(Sequence& s, Allocator& memory, bool others_running,
                                         StepPlan& plan) {
  const Tokens hit = memory.lookup(s);
  // The last sampled token is never computed, so it needs no slot.
  const Tokens life = s.request.prompt + s.request.output - Tokens(1);
  if (!memory.admit(s, hit, s.tokens(), {true, others_running, life})) return false;
  s.running = true;
  plan.admitted.push_back({s.id, hit});
  plan.work.push_back({s.id, hit, s.tokens() - hit});
  s.computed = s.tokens();
  return true;
}

}  // namespace kvsim
