#pragma once
// KvConnector: KV that is not in a replica's pool but can be brought there: from the host's memory,
// a disk, a shared store, or the replica that computed the prompt. After vLLM's KVConnector
// (vllm/distributed/kv_transfer/kv_connector/v1).
//
//     offer -> load -> (arrives or fails) -> computed -> ... -> evicted
//
// A scheduler asks for an offer when it admits, gives the sequence room for it, and the replica
// begins the load. What is loaded is not computed. Connectors move KV and know what it costs in
// time; they own no room in the pool.

#include <span>

#include "sim/core/units.h"
#include "sim/model/memory_map.h"
#include "sim/model/sequence.h"

namespace kvsim {

class KvConnector {
 public:
  virtual ~KvConnector() = default;

  /// `s` has come and waits.
  virtual void queued(const Sequence& /*s*/, Time /*now*/) {}
  /// How many tokens of `s` after the first `hit`, which are in the pool, had better be brought
  /// than computed; 0: none. hit + the answer < s.tokens(): the last token must run to give logits.
  [[nodiscard]] virtual Tokens offer(const Sequence& s, Tokens hit, Time now) = 0;
  /// Begins to bring these `count` tokens, as just offered, into the room that `s` was given; when
  /// all of them are there. Not before `now`.
  [[nodiscard]] virtual Time load(const Sequence& s, Tokens hit, Tokens count, Time now) = 0;
  /// Does `s` wait for its load while others run (vLLM's asynchronous load)? Else it joins the step
  /// that starts now, which then lasts at least as long as the load (layer by layer, as LMCache and
  /// SGLang's HiCache can).
  [[nodiscard]] virtual bool loads_apart(const Sequence& s) const = 0;
  /// `s` was admitted without a load.
  virtual void admitted(const Sequence& /*s*/, Time /*now*/) {}
  /// Has the load of `s`, which is under way, lost where it came from? Asked after something went
  /// down; then none of it is there, and what it was to bring is computed, as under vLLM's
  /// kv_load_failure_policy=recompute.
  [[nodiscard]] virtual bool failed(const Sequence& /*s*/) const { return false; }
  /// The load of `s` is over, come what may.
  virtual void arrived(const Sequence& /*s*/, Time /*now*/) {}
  /// The first s.computed tokens of `s` are in the pool: a chunk of its prompt, a load, or its last
  /// step is over.
  virtual void computed(const Sequence& /*s*/, Time /*now*/) {}
  /// Does it want evicted()? Asked once, before the run.
  [[nodiscard]] virtual bool watches_evictions() const { return false; }
  /// Given up by the plan for the step that begins now, in this order; when their room may be
  /// written. Not before `now`.
  [[nodiscard]] virtual Time evicted(std::span<const Eviction> /*gone*/, Time now) { return now; }
  /// The replica went down, with its memory, its process and all its loads.
  virtual void lost(Time /*now*/) {}
};

}  // namespace kvsim
