#pragma once
// Explainer: watches a run and says what its misses, evictions and preemptions cost, and whom.
//
// Memory grows with the run: it keeps every request, to know later what an evicted entry
// said, and every eviction.

#include <map>
#include <vector>

#include "sim/engine/explain/reuse_book.h"
#include "sim/model/explanation.h"
#include "sim/model/observer.h"

namespace kvsim {

class Explainer final : public Observer {
 public:
  /// Lists in the explanation hold at most `worst` items.
  explicit Explainer(std::size_t worst) : worst_(worst) {}

  [[nodiscard]] bool watches_evictions() const override { return true; }
  void on_evict(Time now, const Eviction& gone, ReplicaId where) override;
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_attributed(Time now, const Sequence& s, const PromptFate& fate, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_step(const StepRecord& step) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;

  [[nodiscard]] Explanation result() const;

 private:
  using Work = Explanation::Work;
  // What a running request computes, and on whose account.
  struct Account {
    PromptFate fate;
    std::vector<ReuseBook::Claim> claims;
    Tokens reached;                        // farthest ever computed, or found
    std::vector<std::size_t> preemptions;  // its own, in preempted_
  };
  // The clock of a replica's cache when a step began, and when that step ended.
  struct Tick {
    std::uint64_t tick = 0;
    Time end{};
  };

  void charge(Account& account, Tokens from, Tokens to, double seconds_per_token);
  void charge_reasons(const PromptFate& fate, Tokens from, Tokens to, double seconds_per_token);
  [[nodiscard]] double idle_s(Time now, std::uint64_t last_used, ReplicaId where) const;

  std::size_t worst_;
  ReuseBook book_;
  std::map<std::uint64_t, Account> running_;  // by Request::id, from admission to the end
  std::map<std::uint64_t, Request> known_;    // everybody who ever came
  std::vector<Explanation::Evicted> evicted_;
  std::vector<Work> wanted_of_page_;  // by trie node
  std::vector<Explanation::Preempted> preempted_;
  std::vector<std::vector<Tick>> clocks_;  // by replica
  Explanation sums_;
};

}  // namespace kvsim
