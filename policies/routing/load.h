#pragma once
// Comparing replicas by how much they have to do.

#include <span>

#include "sim/core/rng.h"
#include "sim/model/router.h"

namespace kvsim {

/// How long until `replica` has served the prompt tokens it was sent, to a common factor.
[[nodiscard]] inline double load(const ReplicaView& replica) {
  return static_cast<double>(replica.outstanding.value()) / replica.weight;
}

/// Requests it has, waiting or running, beside its speed.
[[nodiscard]] inline double requests(const ReplicaView& replica) {
  return static_cast<double>(replica.waiting + replica.running) / replica.weight;
}

/// The replica of least `cost`, a number or a tuple of them; the lowest id of equals.
template <class Cost>
[[nodiscard]] const ReplicaView& least_of(std::span<const ReplicaView> replicas, Cost cost) {
  const ReplicaView* best = &replicas.front();
  auto least = cost(*best);
  for (const ReplicaView& replica : replicas.subspan(1))
    if (const auto its = cost(replica); its < least) {
      best = &replica;
      least = its;
    }
  return *best;
}

/// The same, but of equals any, each as likely: who knows nothing else must not send all to one.
template <class Cost>
[[nodiscard]] const ReplicaView& any_least_of(std::span<const ReplicaView> replicas, Rng& rng,
                                              Cost cost) {
  const ReplicaView* best = &replicas.front();
  auto least = cost(*best);
  std::uint64_t equals = 1;
  for (const ReplicaView& replica : replicas.subspan(1)) {
    const auto its = cost(replica);
    if (least < its) continue;
    equals = its < least ? 1 : equals + 1;
    if (its < least || rng.below(equals) == 0) best = &replica;
    least = its;
  }
  return *best;
}

}  // namespace kvsim
