#pragma once
// MissAttribution: for every prompt token that was not found in the cache, the one reason why.
//
//   first_seen   no earlier request on this replica, since it came up, started with these tokens
//   capacity     they were computed once, and evicted since
//   in_flight    an earlier request is still computing them
//   granularity  seen, but past the last whole block that is shared
//   last_token   seen, but the last token must be computed anyway, and its block with it; or the
//                last block found, whose hidden states a draft head needs (EAGLE)
// Counted at a request's first admission; hits + what was loaded from elsewhere + the five = prompt
// tokens asked for. Finding one's own tokens again after a preemption is neither a query nor a hit.

#include <span>
#include <vector>

#include "sim/engine/prefix_history.h"
#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

class MissAttribution final : public Bystander {
 public:
  /// `blocks`: by replica, the tokens that are cached and found together.
  explicit MissAttribution(const std::vector<Tokens>& blocks) {
    for (const Tokens block : blocks) caches_.push_back({{}, block, {}});
  }

  /// The memory of `where` gives back `lost` tokens of every hit, to compute them again.
  void hits_lose(ReplicaId where, Tokens lost) { caches_[where.index].lost = lost; }

  /// `watchers` learn of every prompt's fate.
  void tell(std::span<Observer* const> watchers) {
    watchers_.assign(watchers.begin(), watchers.end());
  }

  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_prefilled(Time now, const Sequence& s, ReplicaId where) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_down(Time /*now*/, ReplicaId where) override { caches_[where.index].history = {}; }

  [[nodiscard]] Report::PrefixCache result() const;

 private:
  struct Cache {
    PrefixHistory history;
    Tokens block;
    Tokens lost;
  };

  void count_turn(const Request& r, Tokens hit);
  [[nodiscard]] static PromptFate fate_of(const Request& r, Tokens hit, const Cache& cache);
  void count(const Request& r, const PromptFate& fate);

  std::vector<Observer*> watchers_;
  std::vector<Cache> caches_;  // by replica
  Report::PrefixCache sums_;
};

}  // namespace kvsim
