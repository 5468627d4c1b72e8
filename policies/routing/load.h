#pragma once
// Comparing replicas by how much they have to do.

#include <span>

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

/// The replica of least `cost`; the lowest id of equals.
template <class Cost>
[[nodiscard]] const ReplicaView& least_of(std::span<const ReplicaView> replicas, Cost cost) {
  const ReplicaView* best = nullptr;
  double least = 0;
  for (const ReplicaView& replica : replicas)
    if (const double its = cost(replica); best == nullptr || its < least) {
      best = &replica;
      least = its;
    }
  return *best;
}

}  // namespace kvsim
