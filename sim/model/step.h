#pragma once
// One forward pass: its work, and the few sums that its price depends on.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "sim/core/units.h"
#include "sim/model/local_span.h"

namespace kvsim {

/// A step reduced to what its duration depends on. Everything is a sum (or a maximum), so adding
/// one sequence's work is O(1) and pricing does not look at the batch again.
struct StepShape {
  std::int64_t decodes = 0;   ///< Sequences that compute their one newest token.
  std::int64_t prefills = 0;  ///< Chunks of two or more tokens, and first tokens.
  std::int64_t samples = 0;   ///< Tokens whose logits are needed: one row of the head each.
  Tokens drafts;              ///< Guesses that decodes verify, computed beside the newest tokens.
  Tokens decode_context;      ///< KV tokens the decodes read, each once, their own included.
  std::int64_t decode_pairs = 0;  ///< (query, key) pairs of the decodes.
  Tokens prefill_new;             ///< Tokens computed by the prefills.
  Tokens prefill_context;         ///< KV tokens the prefills read, each once, their own included.
  /// (query, key) pairs under the causal mask, summed over the prefills.
  std::int64_t prefill_pairs = 0;
  /// The same as the model's local layers see them (window, sinks, chunk).
  Tokens local_decode_context;
  std::int64_t local_decode_pairs = 0;
  Tokens local_prefill_context;
  std::int64_t local_prefill_pairs = 0;
  std::int64_t copied_blocks = 0;  ///< Copied on write before the step.
  Tokens copied_tokens;            ///< Room in them.
  Tokens swapped_tokens;           ///< Room moved to or from the host's memory before the step.
  /// Decodes by context length: bucket b counts contexts of [2^b, 2^(b+1)) tokens.
  static constexpr std::size_t kBuckets = 24;
  std::array<std::int32_t, kBuckets> decode_contexts{};
  std::int64_t sampling = 0;  ///< Sequences that sample: a guesser goes on from each.
  Tokens sampling_context;    ///< KV tokens of theirs.

  /// Requires context > 0.
  [[nodiscard]] static std::size_t bucket_of(Tokens context) {
    const auto width =
        static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(context.value())));
    return std::min(width - 1, kBuckets - 1);
  }
  [[nodiscard]] bool empty() const { return decodes + prefills == 0; }
  /// Tokens that pass through the dense layers.
  [[nodiscard]] Tokens tokens() const { return Tokens(decodes) + drafts + prefill_new; }

  /// `fresh` tokens on top of `context` earlier ones.
  void add_prefill(Tokens context, Tokens fresh, const LocalSpan& local) {
    ++prefills;
    prefill_new += fresh;
    prefill_context += context + fresh;
    prefill_pairs += LocalSpan{}.pairs(context, fresh);
    local_prefill_context += local.reach(context, fresh);
    local_prefill_pairs += local.pairs(context, fresh);
  }
  /// One token and `guesses` after it, which together read `context` tokens of KV, themselves
  /// included: one pass over the context, whatever their number.
  void add_decode(Tokens context, const LocalSpan& local, Tokens guesses = Tokens(0)) {
    const Tokens fresh = Tokens(1) + guesses;
    ++decodes;
    drafts += guesses;
    decode_context += context;
    decode_pairs += LocalSpan{}.pairs(context - fresh, fresh);
    local_decode_context += local.reach(context - fresh, fresh);
    local_decode_pairs += local.pairs(context - fresh, fresh);
    ++decode_contexts[bucket_of(context)];
  }
  /// A sequence of `context` tokens samples after each of its last `rows`.
  void add_samples(Tokens context, std::int64_t rows) {
    ++sampling;
    sampling_context += context;
    samples += rows;
  }
};

/// A sequence's share of a step.
struct StepWork {
  SequenceId sequence;
  Tokens context;    ///< Tokens computed before this step.
  Tokens compute;    ///< Tokens computed by it. 0: it only samples, from what a sibling computes.
  Tokens drafts{};   ///< Of them guesses: the rejected ones are taken back from Sequence::computed.
  Tokens padding{};  ///< Of the drafts those that nobody guessed and that are never right.
};

struct Admission {
  SequenceId sequence;
  Tokens hit;
  bool forked = false;  ///< The hit is shared with a sibling: no cache was asked.
  Tokens loaded{};      ///< Tokens after the hit that were brought by a KvConnector.
};

/// KV on its way into the room that a sequence was given.
struct KvLoad {
  SequenceId sequence;
  Tokens hit;    ///< Tokens before it, found in the pool.
  Tokens count;  ///< Tokens it brings.
};

/// What a scheduler decided for one step. Storage is reused from step to step.
struct StepPlan {
  Time at{};                           ///< When it is made. Set by who asks for it.
  std::int64_t in_lockstep = 0;        ///< So many decode together, ahead of `work` (lockstep.h).
  std::vector<StepWork> work;          ///< In scheduling order.
  std::vector<Admission> admitted;     ///< Left the waiting queue now (first time or again).
  std::vector<SequenceId> preempted;   ///< Lost their memory and went back to waiting.
  std::vector<SequenceId> swapped_in;  ///< Have their memory back from the host.
  Tokens swapped;                      ///< Room moved to or from the host's memory.
  std::vector<KvLoad> loads;           ///< Begin now.
  /// Does it compute nothing?
  [[nodiscard]] bool idle() const { return in_lockstep == 0 && work.empty(); }
  void clear() {
    in_lockstep = 0;
    work.clear();
    admitted.clear();
    preempted.clear();
    swapped_in.clear();
    swapped = Tokens(0);
    loads.clear();
  }
};

}  // namespace kvsim
