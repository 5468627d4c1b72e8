// Least loaded: the replica with the fewest prompt tokens still to serve; the lowest id of equals.

#include "sim/model/router.h"

namespace kvsim {
namespace {

class LeastLoaded final : public Router {
 public:
  explicit LeastLoaded(const Setup& /*setup*/) {}
  [[nodiscard]] ReplicaId route(const Request& /*r*/,
                                std::span<const ReplicaView> replicas) override {
    std::size_t best = 0;
    for (std::size_t i = 1; i < replicas.size(); ++i)
      if (replicas[i].outstanding < replicas[best].outstanding) best = i;
    return ReplicaId{static_cast<std::uint32_t>(best)};
  }
};

const Registered<Router, LeastLoaded> kLeastLoaded{
    "least-loaded", "The replica with the fewest unfinished prompt tokens."};

}  // namespace
}  // namespace kvsim
