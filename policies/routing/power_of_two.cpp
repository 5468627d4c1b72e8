// Power of two choices: of two different replicas drawn at random the one with fewer requests.
//
// n balls into n bins: the fullest holds about log log n, not the log n / log log n of one choice.
// Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.

#include "policies/routing/load.h"
#include "sim/core/rng.h"

namespace kvsim {
namespace {

class PowerOfTwo final : public Router {
 public:
  explicit PowerOfTwo(const Setup& setup) : rng_(setup.seed, "router") {}
  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& /*r*/,
                                std::span<const ReplicaView> replicas) override {
    if (replicas.size() == 1) return replicas.front().id;
    const std::size_t one = rng_.below(replicas.size());
    std::size_t other = rng_.below(replicas.size() - 1);
    if (other >= one) ++other;
    return (requests(replicas[other]) < requests(replicas[one]) ? replicas[other] : replicas[one])
        .id;
  }

 private:
  Rng rng_;
};

const Registered<Router, PowerOfTwo> kPowerOfTwo{
    "power-of-two", "Of two random replicas the one with fewer requests (Mitzenmacher 2001)."};

}  // namespace
}  // namespace kvsim
