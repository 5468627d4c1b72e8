#pragma once
// Dispatcher: the front door of a fleet. Shows the router who could serve a request.

#include <deque>
#include <span>
#include <vector>

#include "sim/engine/replica.h"
#include "sim/model/router.h"

namespace kvsim {

class Dispatcher {
 public:
  Dispatcher(Router& router, const std::deque<Replica>& replicas)
      : router_(router), replicas_(replicas) {}

  /// Where `r` goes. If nobody could ever serve it, somewhere, to be refused there.
  [[nodiscard]] ReplicaId route(Time now, const Request& r);

 private:
  std::span<const ReplicaView> candidates(const Request& r);

  Router& router_;
  const std::deque<Replica>& replicas_;
  ReplicaId family_at_;  // where the siblings that arrive now are served
  std::vector<ReplicaView> views_;
};

}  // namespace kvsim
