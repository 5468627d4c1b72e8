#include "reports/html/losses.h"

namespace kvsim {

void Losses::on_evict(Time now, const Eviction& gone, ReplicaId where) {
  evictions.add({now, where, gone});
  evicted_tokens += gone.entry.tokens;
  followed += gone.followed ? 1 : 0;
}

void Losses::on_preempt(Time now, const Sequence& s, ReplicaId where) {
  preemptions.add(
      {now, where, s.request.id, s.request.prompt, s.generated, s.reached, s.preemptions});
}

}  // namespace kvsim
