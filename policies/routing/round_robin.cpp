// Round robin: replica 0, 1, 2, ... in turn, whatever they are doing.

#include "sim/model/router.h"

namespace kvsim {
namespace {

class RoundRobin final : public Router {
 public:
  explicit RoundRobin(const Setup& /*setup*/) {}
  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& /*r*/,
                                std::span<const ReplicaView> replicas) override {
    return replicas[next_++ % replicas.size()].id;
  }

 private:
  std::size_t next_ = 0;
};

const Registered<Router, RoundRobin> kRoundRobin{"round-robin", "Each replica in turn."};

}  // namespace
}  // namespace kvsim
