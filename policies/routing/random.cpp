// Random: any replica, each as likely as the others.

#include "sim/core/rng.h"
#include "sim/model/router.h"

namespace kvsim {
namespace {

class Random final : public Router {
 public:
  explicit Random(const Setup& setup) : rng_(setup.seed, "router") {}
  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& /*r*/,
                                std::span<const ReplicaView> replicas) override {
    return replicas[rng_.below(replicas.size())].id;
  }

 private:
  Rng rng_;
};

const Registered<Router, Random> kRandom{"random", "Any replica, each as likely."};

}  // namespace
}  // namespace kvsim
