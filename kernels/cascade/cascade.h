#pragma once
// Cascade attention: a decode step of sequences that begin with the same tokens reads those once.
//
// Phase 1: the shared prefix is one "sequence" whose queries are those of all sequences, with no
// mask between them: a prefill launch with sequences x group packed rows per KV head, split over
// the prefix, that keeps its result partial. Phase 2: decode over what is each sequence's own; its
// last step, which divides by the sum, adds the prefix's part first. No third launch.
// Source: FlashInfer's cascade inference (flashinfer.ai, February 2024); the algebra is that of
// split-KV.
//
//   memory read: prefix + sum of suffixes, instead of sequences x prefix + sum of suffixes

#include <stdexcept>

#include "kernels/decode/decode.h"
#include "kernels/prefill/prefill.h"

namespace kvsim {

/// The prefix of a decode step, as a prefill problem for plan_prefill().
struct CascadePrefix {
  PrefillShape shape;
  PrefillChunk chunk;
};
[[nodiscard]] inline CascadePrefix cascade_prefix(const DecodeShape& shape, int sequences,
                                                  int prefix_tokens) {
  CascadePrefix prefix;
  prefix.shape.q_heads = shape.q_heads;
  prefix.shape.kv_heads = shape.kv_heads;
  prefix.shape.head_dim = shape.head_dim;
  prefix.shape.causal = false;
  prefix.chunk = {sequences, prefix_tokens};
  return prefix;
}

/// Queues both phases. `prefix` is planned for cascade_prefix(), with a table of one row, and its
/// `state` has room for [sequences x q_heads]; `suffix` is planned for the lengths without the
/// prefix, its table begins behind the prefix's pages (whole ones). Queries, heads and scale are
/// suffix's; the links between the two are made here. No prefix (an empty plan): plain decode.
inline void launch_cascade(const PrefillKernel& prefix_kernel, PrefillArgs prefix,
                           const DecodeKernel& suffix_kernel, DecodeArgs suffix,
                           gpu::Stream stream) {
  if (suffix.window != 0)
    throw std::invalid_argument("cascade: a window would hide the prefix; use plain decode");
  if (prefix.item_count != 0) {
    prefix.q = suffix.q;
    prefix.out = nullptr;
    prefix.causal = 0;
    prefix.q_heads = suffix.q_heads;
    prefix.kv_heads = suffix.kv_heads;
    prefix.scale_log2 = suffix.scale_log2;
    launch_prefill(prefix_kernel, prefix, stream);
    suffix.prefix_out = prefix.state.output;
    suffix.prefix_stats = prefix.state.stats;
  }
  launch_decode(suffix_kernel, suffix, stream);
}

}  // namespace kvsim
