// Least loaded: the replica that will have served its prompt tokens first, as fast as it is; the
// lowest id of equals.

#include "policies/routing/load.h"

namespace kvsim {
namespace {

class LeastLoaded final : public Router {
 public:
  explicit LeastLoaded(const Setup& /*setup*/) {}
  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& /*r*/,
                                std::span<const ReplicaView> replicas) override {
    return least_of(replicas, load).id;
  }
};

const Registered<Router, LeastLoaded> kLeastLoaded{
    "least-loaded", "The replica with the fewest unfinished prompt tokens."};

}  // namespace
}  // namespace kvsim
