#pragma once
// Watches a run. Observers cannot alter it: they see everything const, and answer nothing.

#include <span>

#include "sim/core/units.h"
#include "sim/model/memory_map.h"
#include "sim/model/memory_use.h"
#include "sim/model/sequence.h"
#include "sim/model/step.h"

namespace kvsim {

class Allocator;

enum class Rejection : std::uint8_t {
  kTooLong,   ///< prompt + output > max_model_len.
  kTooLarge,  ///< Would not fit the KV memory even alone.
  // By admission control:
  kQueueFull,    ///< Every replica has as many waiting as may wait.
  kTokensFull,   ///< Every replica has as many prompt tokens to serve as it may.
  kOverItsRate,  ///< More of its priority came than may.
};
inline constexpr std::size_t kRejections = 5;

/// What became of a prompt at its first admission, front to back: the tokens found in the cache,
/// then those missed, by the one reason why (sim/engine/miss_attribution.h). They sum to the
/// prompt.
struct PromptFate {
  Tokens hit;
  Tokens loaded;  ///< Not in the pool, but brought from elsewhere.
  Tokens capacity;
  Tokens in_flight;
  Tokens last_token;
  Tokens granularity;
  Tokens first_seen;
};

struct StepRecord {
  ReplicaId replica;
  Time start{};
  Duration took{};
  const StepShape& shape;
  const StepPlan& plan;
  const Sequences& sequences;
  MemoryUse memory;  ///< While the step runs.
  std::size_t waiting = 0;
  std::size_t running = 0;
  const Allocator* cache = nullptr;  ///< Where the KV of the sequences lies; null: nobody says.
};

class Observer {
 public:
  virtual ~Observer() = default;
  /// `where` is none if no replica is up: an on_route follows when one is.
  virtual void on_arrival(Time /*now*/, const Request& /*r*/, ReplicaId /*where*/) {}
  /// Follows the on_arrival of `r` at once.
  virtual void on_reject(Time /*now*/, const Request& /*r*/, Rejection /*why*/) {}
  /// `s` got memory, `hit` tokens of it from the cache. s.admitted is still false the first time.
  virtual void on_admit(Time /*now*/, const Sequence& /*s*/, Tokens /*hit*/, ReplicaId /*where*/) {}
  /// Follows the first on_admit of `s` at once: why what was not in the cache was not.
  virtual void on_attributed(Time /*now*/, const Sequence& /*s*/, const PromptFate& /*fate*/,
                             ReplicaId /*where*/) {}
  /// A prefill replica has brought `r` to its first token; it goes on at `to`. `from` keeps its
  /// memory until the KV has moved.
  virtual void on_hand_over(Time /*now*/, const Request& /*r*/, ReplicaId /*from*/,
                            ReplicaId /*to*/) {}
  /// `s` shares the first `shared` tokens of its sibling, which has just been admitted.
  virtual void on_fork(Time /*now*/, const Sequence& /*s*/, Tokens /*shared*/,
                       ReplicaId /*where*/) {}
  /// Does it want on_evict? Asked once, before the run.
  [[nodiscard]] virtual bool watches_evictions() const { return false; }
  /// A cached entry was given up by the plan that is about to be told of.
  virtual void on_evict(Time /*now*/, const Eviction& /*gone*/, ReplicaId /*where*/) {}
  /// `s` lost its memory; s.reached says how far it had come.
  virtual void on_preempt(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {}
  /// Will it look at single sequences in the step that `where` plans at `now`: at its plan, at
  /// Sequences, at what lies in the memory, at each on_token of its end? If nobody does, on_tokens
  /// may tell of sequences that decode in lockstep, and on_step's plan and Sequences leave them
  /// out.
  [[nodiscard]] virtual bool looks_closely(Time /*now*/, ReplicaId /*where*/) const { return true; }
  /// A step begins.
  virtual void on_step(const StepRecord& /*step*/) {}
  /// Of `drafted` guesses at the next tokens of `s` the first `accepted` were right. The tokens
  /// follow, by on_token.
  virtual void on_verified(Time /*now*/, const Sequence& /*s*/, Tokens /*drafted*/,
                           Tokens /*accepted*/) {}
  /// `s` sampled a token; s.generated counts it, s.last_token_at is still the one before.
  virtual void on_token(Time /*now*/, const Sequence& /*s*/) {}
  /// So many sequences of `where` sampled a token each, the last ones `gap` ago; not their first.
  virtual void on_tokens(Time /*now*/, std::int64_t /*count*/, Duration /*gap*/,
                         ReplicaId /*where*/) {}
  /// A prefill chunk of `s` has been computed.
  virtual void on_prefilled(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {}
  virtual void on_finish(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {}
  /// Memory changed between steps (a release), or the run begins: what holds from `now` on.
  virtual void on_memory(Time /*now*/, ReplicaId /*where*/, const MemoryUse& /*memory*/) {}
  virtual void on_end(Time /*now*/) {}

  /// `where` went down with its memory. An on_retry or on_lost follows for each of its sequences.
  virtual void on_down(Time /*now*/, ReplicaId /*where*/) {}
  /// It is back, empty.
  virtual void on_up(Time /*now*/, ReplicaId /*where*/) {}
  /// `s` waited at `where` for s.loaded tokens from somewhere that went down: it computes them.
  virtual void on_load_failed(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {}
  /// `s` lost its replica `where` and keeps what its client got: it goes on elsewhere.
  virtual void on_retry(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {}
  /// `s` lost its replica `where`, and that is the end of it.
  virtual void on_lost(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {}
  /// Who waited for a replica, or lost one, is sent to `where`.
  virtual void on_route(Time /*now*/, const Request& /*r*/, ReplicaId /*where*/) {}
};

/// One who never looks closely: on_tokens, and what is told of requests and whole steps, will do.
class Bystander : public Observer {
 public:
  [[nodiscard]] bool looks_closely(Time /*now*/, ReplicaId /*where*/) const final { return false; }
};

}  // namespace kvsim
