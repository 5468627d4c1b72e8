#pragma once
// Handoffs: prompts computed by one pool, answered by another.
//
// A prefill replica samples the first token and hands the sequence over. It goes to a decode
// replica, queues there for room, and its KV is pulled; what the decode replica has cached is not.
// Until all has arrived the prefill replica keeps the KV, so a full decode pool backs up into the
// prefill pool. Preempted later, a sequence is computed again where it is.
// Sources: DistServe (arXiv 2401.09670) and Splitwise (arXiv 2311.18677); pull and its effect on
// memory: DistServe section 4.3; layer by layer: Splitwise section 4.2, Mooncake (arXiv 2407.00079)
// section 5.2.
// Deviation: what a layer-wise transfer moves during the prefill takes nothing from other
// transfers.

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/engine/replica.h"
#include "sim/engine/transfer/link.h"
#include "sim/model/kv_connector.h"

namespace kvsim {

class Handoffs {
 public:
  /// A sequence whose KV a prefill replica keeps.
  struct Kept {
    ReplicaId where;
    SequenceId sequence;
  };
  /// What moves between replicas, and how fast.
  struct Endpoint {
    Bytes token;            ///< KV of a token, all GPUs of the replica together.
    std::int64_t gpus = 1;  ///< Each has a link of its own.
    std::int64_t layers = 1;
  };
  /// `replicas`: every one of the fleet, by id.
  Handoffs(const ConfigView& config, std::uint64_t seed, const std::vector<Endpoint>& replicas);
  Handoffs(const Handoffs&) = delete;
  Handoffs& operator=(const Handoffs&) = delete;

  /// How a decode replica pulls.
  [[nodiscard]] KvConnector& connector(ReplicaId where) { return ends_[where.index]; }
  /// What leaves a replica, and what enters it.
  [[nodiscard]] std::vector<Link*> links(ReplicaId where) {
    return {&ends_[where.index].out_, &ends_[where.index].in_};
  }
  /// Chooses among decode replicas.
  [[nodiscard]] Router& router() { return *router_; }
  /// `s` has left kept.where, whose last step took `prefill`, for a decode replica.
  void expect(const Sequence& s, const Kept& kept, Time now, Duration prefill);
  /// `r` will not come for its KV.
  void forget(const Request& r);
  /// What `where` kept is lost with its memory, on its way or not; its links are free again.
  void lose(ReplicaId where, Time now);
  /// What need not be kept any more.
  [[nodiscard]] std::vector<Kept> take_arrived();

 private:
  struct Expected {
    Kept kept;
    Time since{};
    Duration prefill{};
  };
  // A replica's end of the wires.
  class End final : public KvConnector {
   public:
    End(Handoffs& desk, const Endpoint& about, const Link::Setup& link)
        : desk_(desk), about_(about), out_(link), in_(link) {}
    [[nodiscard]] Tokens offer(const Sequence& s, Tokens hit, Time now) override;
    [[nodiscard]] Time load(const Sequence& s, Tokens hit, Tokens count, Time now) override;
    [[nodiscard]] bool loads_apart(const Sequence& /*s*/) const override { return true; }
    [[nodiscard]] bool failed(const Sequence& s) const override;
    void arrived(const Sequence& s, Time now) override;
    void admitted(const Sequence& s, Time now) override;

   private:
    friend class Handoffs;
    Handoffs& desk_;
    Endpoint about_;
    Link out_, in_;
  };
  [[nodiscard]] Bytes hidden(const Expected& handoff, const Endpoint& from, Bytes all,
                             Time now) const;

  std::unique_ptr<Router> router_;  // among decode replicas
  double bytes_per_s_ = 0;          // of a GPU
  bool layered_ = false;
  std::deque<End> ends_;                        // by replica
  std::map<std::uint64_t, Expected> expected_;  // by request
  std::vector<Kept> arrived_;
};

}  // namespace kvsim
