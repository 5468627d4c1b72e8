#pragma once
// Turns KV memory into room for sequences. The textbook ones: contiguous, paged, radix.
//
// The life of a sequence: lookup, admit, then grow and commit in turn, then release; a preempted
// sequence starts again at lookup. Running out of room is an answer (false), never an exception,
// and a failed call changes nothing.

#include <cstdint>

#include "sim/core/config_view.h"
#include "sim/core/units.h"
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
};

class Allocator {
 public:
  struct Setup {
    Tokens capacity;       ///< Room for this many tokens; whole blocks of it are used.
    Tokens block;          ///< block_size (page_size of the tree).
    Tokens max_model_len;  ///< No sequence is longer.
    const ConfigView& config;
  };
  struct Counters {
    std::int64_t evictions = 0;       ///< Cached blocks (or tree tokens / page) given up.
    std::int64_t evicted_tokens = 0;  ///< The same in tokens.
    std::int64_t blocks_allocated = 0;
    std::int64_t copies = 0;  ///< Copy-on-write copies of a block.
  };
  virtual ~Allocator() = default;

  /// Could `r` be served to its end if it had the memory to itself?
  [[nodiscard]] virtual bool can_ever_fit(const Request& r) const = 0;
  /// Leading tokens of `s`, which holds nothing, that are cached: at most s.tokens() - 1, because
  /// the last one must run to give logits. May reorganise the cache, never evicts from it. The
  /// answer holds until the next call that changes memory.
  [[nodiscard]] virtual Tokens lookup(const Sequence& s) = 0;
  /// Gives `s`, which holds nothing, its first `hit` tokens from the cache (the answer of lookup)
  /// and room for `total` tokens. All or nothing.
  [[nodiscard]] virtual bool admit(const Sequence& s, Tokens hit, Tokens total,
                                   const AdmitRule& rule) = 0;
  /// Room for `total` tokens of an admitted `s`. All or nothing; never shrinks.
  [[nodiscard]] virtual bool grow(const Sequence& s, Tokens total) = 0;
  /// The first s.computed tokens of `s` have been computed (a prefill chunk's step is over).
  virtual void commit(const Sequence& s) = 0;
  /// Takes back everything `s` holds; what can be reused may stay cached.
  virtual void release(const Sequence& s, Release why) = 0;

  /// Memory is taken in multiples of this.
  [[nodiscard]] virtual Tokens block() const { return Tokens(1); }
  /// Of the `hit` tokens that lookup found for `s`, those that no running sequence uses: admitting
  /// `s` takes them out of MemoryUse::cached. At most `hit`.
  [[nodiscard]] virtual Tokens idle_hit(const Sequence& /*s*/, Tokens hit) const { return hit; }
  /// Evicts ahead, as far as it can be done, unless `ask` tokens are free already. For schedulers
  /// that ask for a whole batch at once; admit and grow make their own room.
  virtual void make_room(Tokens /*ask*/) {}

  /// Does it keep prefixes for reuse at all?
  [[nodiscard]] virtual bool caches_prefixes() const { return true; }
  /// O(1).
  [[nodiscard]] virtual MemoryUse memory() const = 0;
  [[nodiscard]] virtual Counters counters() const = 0;
  /// Recounts everything and aborts on a contradiction. O(memory); for tests and `verify`.
  virtual void check_books() const = 0;
};

}  // namespace kvsim
