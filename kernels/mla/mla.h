#pragma once
// Decode attention over a latent cache (multi-head latent attention, DeepSeek-V2, arXiv
// 2405.04434).
//
// A token is cached as one row of 576 elements, whatever the number of heads: 512 of a latent and
// 64 of a rotary key. With the up-projections absorbed into query and output, all heads share it as
// their only key, and its first 512 elements as their only value: multi-query attention. A block
// reads a row once for both.
//
//   const DecodeShape shape = mla_shape(q_heads, page_tokens);
//   const DecodePlan plan = plan_decode(shape, mla_device(multiprocessors), lengths);
//   allocate mla_workspace(shape, plan), arrivals zeroed; fill DecodeArgs; launch_mla()
//
// On both sides, like decode.h. Beyond 16 heads, groups of 16 read the rows each for itself, all
// but the first from L2.

#include "kernels/decode/decode.h"

namespace kvsim {

inline constexpr int kMlaLatentDim = 512;
inline constexpr int kMlaRopeDim = 64;
inline constexpr int kMlaRowDim = kMlaLatentDim + kMlaRopeDim;

[[nodiscard]] DecodeShape mla_shape(int q_heads, int page_tokens);
[[nodiscard]] DecodeDevice mla_device(int multiprocessors);
[[nodiscard]] DecodeWorkspace mla_workspace(const DecodeShape& shape, const DecodePlan& plan);

/// Queues one step's attention, elements bf16. Of `args`: q is [sequences, q_heads, 576], k the
/// cache [pages, page_tokens, 576], out [sequences, q_heads, 512]; kv_heads is 1; v, scales,
/// window, sinks and prefix are not used. Throws std::invalid_argument for another shape.
void launch_mla(const DecodeArgs& args, gpu::Stream stream);

}  // namespace kvsim
