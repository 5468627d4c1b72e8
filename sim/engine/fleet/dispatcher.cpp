#include "sim/engine/fleet/dispatcher.h"

namespace kvsim {

ReplicaId Dispatcher::route(Time now, const Request& r) {
  // A family stays together: siblings follow the first at once.
  if (r.sample == 0) family_at_ = router_.route(now, r, candidates(r));
  return family_at_;
}

std::span<const ReplicaView> Dispatcher::candidates(const Request& r) {
  views_.clear();
  for (const Replica& replica : replicas_)
    if (replica.role() != Role::kDecode && !replica.refuses(r)) views_.push_back(replica.view());
  if (views_.empty())
    for (const Replica& replica : replicas_)
      if (replica.role() != Role::kDecode) views_.push_back(replica.view());
  return views_;
}

}  // namespace kvsim
