#pragma once
// A Request being served by one replica: how far it is, and when it got there.

#include "sim/core/slab.h"
#include "sim/core/units.h"
#include "sim/model/request.h"

namespace kvsim {

struct Sequence {
  SequenceId id;
  Request request;

  bool running = false;  ///< Admitted and not preempted; otherwise it waits.
  Tokens computed;       ///< Leading tokens whose KV exists or is computed by the step under way.
  Tokens generated;      ///< Output tokens sampled so far.
  bool mid_prefill = false;  ///< Its latest step leaves tokens uncomputed, so samples nothing.
  Tokens drafts;             ///< Guesses at the tokens after them, to be verified by the next step.
  Tokens reached;  ///< The most `computed` ever was: below it, computing is *re*computing.

  Tokens first_hit;  ///< Prompt tokens found in the cache at the first admission.
  Tokens loaded;     ///< Tokens brought by a KvConnector at the latest admission, after the hit.
  Tokens reused;     ///< All tokens it got without computing them: hits and loads, and later gains.
  Tokens recomputed;
  std::uint32_t preemptions = 0;
  std::uint32_t retries = 0;  ///< Times it lost its replica and went on elsewhere.
  bool admitted = false;      ///< At least once: the times below this line are valid in order.
  Time admitted_at{};
  Time first_token_at{};
  Time last_token_at{};

  /// Prompt and the output so far: what a scheduler sees (vLLM's num_tokens).
  [[nodiscard]] Tokens tokens() const { return request.prompt + generated; }
  [[nodiscard]] bool prefilling() const { return computed < tokens() - Tokens(1); }
  [[nodiscard]] bool finished() const { return generated == request.output; }
};

using Sequences = Slab<Sequence, SequenceId>;

}  // namespace kvsim
