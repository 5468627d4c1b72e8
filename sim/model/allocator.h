#pragma once
// Turns KV memory into room for sequences. The textbook ones: contiguous, paged, radix.
//
// The life of a sequence: lookup, admit, then grow and commit in turn, then release; a preempted
// sequence starts again at lookup. Running out of room is an answer (false), never an exception,
// and a failed call changes nothing.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/config_view.h"
#include "sim/core/units.h"
#include "sim/model/future.h"
#include "sim/model/kv_group.h"
#include "sim/model/memory_map.h"
#include "sim/model/memory_use.h"
#include "sim/model/sequence.h"

namespace kvsim {

/// Why a sequence gives its memory back.
enum class Release : std::uint8_t { kFinished, kPreempted };

/// How admission treats the rest of the prompt (semantics 4, 4.4).
struct AdmitRule {
  bool whole_prompt_must_fit = true;  ///< vLLM's scheduler_reserve_full_isl.
  bool others_running = false;        ///< The watermark applies only then.
  Tokens reserve;  ///< Room to set aside now, beyond `total`, for tokens still to come (Orca).
  Tokens spare{};  ///< Room that must stay free beside (paged).
  bool filled_later = false;  ///< Nobody may find what it is given room for until loaded().
};

/// A block whose contents must be in another one before a step writes.
struct BlockCopy {
  BlockId from;
  BlockId to;
};

class Allocator {
 public:
  struct Setup {
    Tokens capacity;       ///< Room for this many tokens; whole blocks of it are used.
    Tokens block;          ///< block_size (page_size of the tree).
    Tokens max_model_len;  ///< No sequence is longer.
    const ConfigView& config;
    /// The model's layers by what they keep; empty: every layer keeps every token.
    std::span<const KvGroup> groups{};
    Tokens swap_space{};       ///< Room in the host's memory for who is swapped out.
    Future* future = nullptr;  ///< What will be asked for; null: nobody knows.
  };
  struct Counters {
    std::int64_t evictions = 0;       ///< Cached blocks (or tree tokens / page) given up.
    std::int64_t evicted_tokens = 0;  ///< The same in tokens.
    std::int64_t blocks_allocated = 0;
    std::int64_t copies = 0;  ///< Copy-on-write copies of a block.
    std::int64_t swaps = 0;   ///< Blocks moved to or from the host's memory.
  };
  virtual ~Allocator() = default;

  /// Could `r` be served to its end if it had the memory to itself? `reserved`: with the memory of
  /// its whole life set aside at admission.
  [[nodiscard]] virtual bool can_ever_fit(const Request& r, bool reserved) const = 0;
  /// Leading tokens of `s`, which holds nothing, that are cached: at most s.tokens() - 1, because
  /// the last one must run to give logits. May reorganise the cache, never evicts from it. The
  /// answer holds until the next call that changes memory.
  [[nodiscard]] virtual Tokens lookup(const Sequence& s) = 0;
  /// Gives `s`, which holds nothing, its first `hit` tokens from the cache (the answer of lookup)
  /// and room for `total` tokens. All or nothing.
  [[nodiscard]] virtual bool admit(const Sequence& s, Tokens hit, Tokens total,
                                   const AdmitRule& rule) = 0;
  /// Room for `total` tokens of an admitted `s`, of which s.computed are written. All or nothing;
  /// never shrinks. Whoever writes into what a fork shares gets a copy first: see copies().
  [[nodiscard]] virtual bool grow(const Sequence& s, Tokens total) = 0;
  /// Tokens by which `s` can grow with nothing to be done but to count them: no memory is taken,
  /// nothing becomes cached. 0: it has to be asked.
  [[nodiscard]] virtual Tokens slack(const Sequence& /*s*/) const { return Tokens(0); }
  /// So many sequences grow by a token each, within their slack.
  virtual void grow_in_slack(std::int64_t /*sequences*/) {}
  /// Having grown within its slack, `s` is at `total` tokens. Required before anything else is
  /// asked or told of `s`.
  virtual void settle(const Sequence& /*s*/, Tokens /*total*/) {}
  /// The first s.computed tokens of `s` have been computed (a prefill chunk's step is over).
  virtual void commit(const Sequence& s) = 0;
  /// What `s` was admitted for, to be filled later, is there: its first s.computed tokens.
  virtual void loaded(const Sequence& s) { commit(s); }
  /// Takes back everything `s` holds; what can be reused may stay cached.
  virtual void release(const Sequence& s, Release why) = 0;

  /// A step is about to be planned: what was asked for until now is in place.
  virtual void step_starts() {}

  /// Can one sequence share another's blocks, to write its own from there on?
  [[nodiscard]] virtual bool can_fork() const { return false; }
  /// `child`, which holds nothing, shares all that `parent` holds, its last block written in part
  /// included. Requires can_fork().
  virtual void fork(const Sequence& /*parent*/, const Sequence& /*child*/) {
    KVSIM_CHECK(false, "only what can_fork() forks");
  }
  /// Copies to make, in this order, before the step writes; those asked for since step_starts().
  [[nodiscard]] virtual std::span<const BlockCopy> copies() const { return {}; }

  /// Can the host's memory take all that `family` holds? Whoever shares blocks is swapped together.
  [[nodiscard]] virtual bool can_swap_out(std::span<const Sequence* const> /*family*/) const {
    return false;
  }
  /// Moves it there, every block once; the room that moved. Requires can_swap_out(family).
  virtual Tokens swap_out(std::span<const Sequence* const> /*family*/) {
    KVSIM_CHECK(false, "only what can_swap_out() is swapped out");
    return {};
  }
  /// Is there room for `family`, swapped out together, and for its next tokens?
  [[nodiscard]] virtual bool can_swap_in(std::span<const Sequence* const> /*family*/,
                                         const AdmitRule& /*rule*/) const {
    return false;
  }
  /// Brings it back, blocks shared as they were; the room that moved. Requires can_swap_in(family).
  virtual Tokens swap_in(std::span<const Sequence* const> /*family*/) {
    KVSIM_CHECK(false, "only what can_swap_in() is swapped in");
    return {};
  }

  /// The groups of layers it tells apart, and what each keeps. The first is always there.
  [[nodiscard]] virtual std::size_t groups() const { return 1; }
  [[nodiscard]] virtual const KvGroup& group(std::size_t /*g*/) const {
    static const KvGroup everything;
    return everything;
  }
  /// Chunks of a prompt should end at multiples of it, or their end cannot be found again (states
  /// of Mamba layers).
  [[nodiscard]] virtual Tokens chunk_alignment() const { return Tokens(1); }
  /// Where the KV of token `position` of `s` lies in group `g`: slots of different tokens differ.
  /// Negative: nowhere.
  [[nodiscard]] virtual std::int64_t slot(const Sequence& s, std::size_t g,
                                          Tokens position) const = 0;
  /// Slots of block b run from b * slots_per_block() on.
  [[nodiscard]] virtual std::int64_t slots_per_block() const { return 1; }
  /// Memory is taken in multiples of this.
  [[nodiscard]] virtual Tokens block() const { return Tokens(1); }
  /// Of what lookup found for `s` (`hit` tokens), that which no running sequence uses: admitting
  /// `s` takes so much out of MemoryUse::cached.
  [[nodiscard]] virtual Tokens idle_hit(const Sequence& /*s*/, Tokens hit) const { return hit; }
  /// Evicts ahead, as far as it can be done, unless `ask` tokens are free already. For schedulers
  /// that ask for a whole batch at once; admit and grow make their own room.
  virtual void make_room(Tokens /*ask*/) {}

  /// Does it keep prefixes for reuse at all?
  [[nodiscard]] virtual bool caches_prefixes() const { return true; }
  /// Cached tokens at the end of every hit that are computed again all the same, because a draft
  /// head needs their hidden states (EAGLE).
  [[nodiscard]] virtual Tokens lost_of_a_hit() const { return Tokens(0); }
  /// O(1).
  [[nodiscard]] virtual MemoryUse memory() const = 0;
  [[nodiscard]] virtual Counters counters() const = 0;
  /// From now on every eviction is appended to `log`, which the caller empties; null: no more.
  virtual void log_evictions(std::vector<Eviction>* /*log*/) {}
  /// Cache operations so far: the clock of CacheEntry.
  [[nodiscard]] virtual std::uint64_t ticks() const { return 0; }
  /// What lies where. O(memory); for pictures.
  [[nodiscard]] virtual MemoryMap map() const = 0;
  /// Recounts everything and aborts on a contradiction. O(memory); for tests and `verify`.
  virtual void check_books() const = 0;
};

}  // namespace kvsim
