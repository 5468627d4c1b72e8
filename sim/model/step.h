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
  std::int64_t samples = 0;   ///< Sequences whose logits are needed: one row of the head each.
  Tokens decode_context;      ///< KV tokens the decodes read, their own included.
  Tokens prefill_new;         ///< Tokens computed by the prefills.
  Tokens prefill_context;     ///< KV tokens the prefills read, each once, their own included.
  /// (query, key) pairs under the causal mask, summed over the prefills.
  std::int64_t prefill_pairs = 0;
  Tokens longest_context;
  /// The same three as the model's local layers see them (window, sinks, chunk).
  Tokens local_decode_context;
  Tokens local_prefill_context;
  std::int64_t local_prefill_pairs = 0;
  /// Decodes by context length: bucket b counts contexts of [2^b, 2^(b+1)) tokens.
  static constexpr std::size_t kBuckets = 24;
  std::array<std::int32_t, kBuckets> decode_contexts{};

  [[nodiscard]] bool empty() const { return decodes + prefills == 0; }
  /// Tokens that pass through the dense layers.
  [[nodiscard]] Tokens tokens() const { return Tokens(decodes) + prefill_new; }

  /// `fresh` tokens on top of `context` earlier ones.
  void add_prefill(Tokens context, Tokens fresh, const LocalSpan& local) {
    ++prefills;
    prefill_new += fresh;
    prefill_context += context + fresh;
    prefill_pairs += LocalSpan{}.pairs(context, fresh);
    longest_context = std::max(longest_context, context + fresh);
    local_prefill_context += local.reach(context, fresh);
    local_prefill_pairs += local.pairs(context, fresh);
  }
  /// One token that reads `context` tokens of KV, itself included.
  void add_decode(Tokens context, const LocalSpan& local) {
    ++decodes;
    decode_context += context;
    longest_context = std::max(longest_context, context);
    local_decode_context += local.visible(context);
    const auto bucket =
        static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(context.value())) - 1);
    ++decode_contexts[std::min(bucket, kBuckets - 1)];
  }
};

/// A sequence's share of a step.
struct StepWork {
  SequenceId sequence;
  Tokens context;   ///< Tokens computed before this step.
  Tokens compute;   ///< Tokens computed by it.
  Tokens drafts{};  ///< Of them guesses: the rejected ones are taken back from Sequence::computed.
};

struct Admission {
  SequenceId sequence;
  Tokens hit;
};

/// What a scheduler decided for one step. Storage is reused from step to step.
struct StepPlan {
  std::vector<StepWork> work;         ///< In scheduling order.
  std::vector<Admission> admitted;    ///< Left the waiting queue now (first time or again).
  std::vector<SequenceId> preempted;  ///< Lost their memory and went back to waiting.
  void clear() {
    work.clear();
    admitted.clear();
    preempted.clear();
  }
};

}  // namespace kvsim
