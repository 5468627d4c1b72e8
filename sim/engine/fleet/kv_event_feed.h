#pragma once
// KvEventFeed: tells a router what replicas cached and evicted, some time after it happened.
//
// Blocks are named by prefix hashes over each replica's own blocks, as the routers name those of
// prompts. Memory grows with the run: it keeps the names of everything that was ever computed, to
// say later what an evicted entry was.

#include <deque>
#include <unordered_map>
#include <vector>

#include "sim/model/observer.h"
#include "sim/model/router.h"

namespace kvsim {

class KvEventFeed final : public Bystander {
 public:
  /// `blocks`: by replica, the tokens that it caches together.
  KvEventFeed(const ConfigView& config, Router& router, std::vector<Tokens> blocks);

  /// The router learns what happened long enough ago.
  void deliver(Time now);

  [[nodiscard]] bool watches_evictions() const override { return true; }
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_prefilled(Time now, const Sequence& s, ReplicaId where) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_evict(Time now, const Eviction& gone, ReplicaId where) override;
  void on_down(Time now, ReplicaId where) override;

 private:
  struct Late {
    Time at{};
    KvEvent event;
  };
  void stored(Time now, const Sequence& s, ReplicaId where);
  void tell(Time now, KvEvent::Kind kind, ReplicaId where, std::uint64_t block);

  Router& router_;
  Duration lag_;
  std::vector<Tokens> blocks_;
  /// By request: the names of its blocks. Never walked.
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> names_;
  std::deque<Late> late_;
};

}  // namespace kvsim
