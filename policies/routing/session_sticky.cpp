// Session sticky: every turn of a conversation goes to one replica; requests of no conversation are
// spread.
//
// Rendezvous hashing: each replica draws a lot from (session, replica) and the highest wins, so a
// replica that goes down moves its own sessions and nobody else's. -weight / ln(u) of a uniform u
// makes the chance proportional to the weight.
// Source: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998.

#include <cmath>

#include "policies/routing/load.h"
#include "sim/core/hash.h"

namespace kvsim {
namespace {

class SessionSticky final : public Router {
 public:
  explicit SessionSticky(const Setup& setup) : seed_(setup.seed) {}
  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& r,
                                std::span<const ReplicaView> replicas) override {
    return least_of(replicas, [&](const ReplicaView& replica) { return -lot(r, replica); }).id;
  }

 private:
  [[nodiscard]] double lot(const Request& r, const ReplicaView& replica) const {
    const bool alone = r.session == Request::kNoSession;
    Digest digest;
    digest.add(seed_);
    digest.add(std::uint64_t{alone});
    digest.add(alone ? r.id : r.session);
    digest.add(std::uint64_t{replica.id.index});
    const double u = (static_cast<double>(digest.value() >> 11) + 0.5) * 0x1.0p-53;
    return -replica.weight / std::log(u);
  }
  std::uint64_t seed_;
};

const Registered<Router, SessionSticky> kSessionSticky{
    "session-sticky", "All turns of a conversation go to one replica (rendezvous hashing)."};

}  // namespace
}  // namespace kvsim
