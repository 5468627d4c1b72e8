#pragma once
// Merging partial results of attention: of a block's warps, then of a sequence's chunks.
//
// A partial result over some tokens is, per query head, the largest score (in log2), the sum of
// exp2(score - largest) and the equally weighted sum of V. Partials over disjoint tokens merge by
// rescaling to a common largest score; in a fixed order, so that the same plan gives the same bits.

#include "kernels/decode/decode_args.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {

inline constexpr int kDecodeWarps = 4;
inline constexpr int kMaxSplits = 128;
/// The largest of no scores.
inline constexpr float kNoScore = -INFINITY;

/// 2^(part - whole) where either may be of no scores.
KVSIM_DEVICE float rescale(float part, float whole) {
  return gpu::exp2(part - (whole > kNoScore ? whole : 0.0f));
}

/// The warps' partial results, and later the chunks' weights.
template <int kDim, int kRows>
struct MergeTile {
  static constexpr int kPad = 4;  // Banks: lanes differ in row by 2 and in dim by 1.
  float out[kDecodeWarps][kRows][kDim + kPad];
  float maximum[kDecodeWarps][kRows];
  float sum[kDecodeWarps][kRows];
  float weight[kMaxSplits][kRows];
  std::uint32_t arrived;
};

/// 8 dims of one query head: 16 bytes of its output.
struct OutPiece {
  float dim[8] = {};
};

KVSIM_DEVICE void add_scaled(OutPiece& piece, float factor, const gpu::Vec16& low,
                             const gpu::Vec16& high) {
  KVSIM_UNROLL
  for (int i = 0; i < 4; ++i) {
    piece.dim[i] += factor * gpu::bits_float(low.word[i]);
    piece.dim[4 + i] += factor * gpu::bits_float(high.word[i]);
  }
}

/// The result of one query head, numbered as in out, from `piece` of it; prefix included.
template <class Query, int kDim>
KVSIM_DEVICE void store_out(const DecodeArgs& args, std::int64_t head, int dim, OutPiece piece,
                            float maximum, float sum) {
  if (args.prefix_out != nullptr) {
    const float prefix_maximum = gpu::load_constant(args.prefix_stats + head * 2);
    const float whole = gpu::max(maximum, prefix_maximum);
    const float factor = rescale(maximum, whole);
    const float prefix_factor = rescale(prefix_maximum, whole);
    KVSIM_UNROLL
    for (float& value : piece.dim) value *= factor;
    const float* prefix = args.prefix_out + head * kDim + dim;
    add_scaled(piece, prefix_factor, gpu::load16(prefix), gpu::load16(prefix + 4));
    sum = sum * factor + gpu::load_constant(args.prefix_stats + head * 2 + 1) * prefix_factor;
  }
  const float inverse = sum > 0.0f ? 1.0f / sum : 0.0f;  // No tokens: zeros.
  gpu::Vec16 words;
  KVSIM_UNROLL
  for (int i = 0; i < 4; ++i)
    words.word[i] = gpu::pack<Query>(piece.dim[2 * i] * inverse, piece.dim[2 * i + 1] * inverse);
  gpu::store16(static_cast<Query*>(args.out) + head * kDim + dim, words);
}

/// Merges the warps' results, which lie in `tile`; the block's result goes to out, or to its slot.
template <class Query, int kDim, int kRows>
KVSIM_DEVICE void merge_warps(const DecodeArgs& args, const WorkItem& item,
                              const MergeTile<kDim, kRows>& tile) {
  constexpr int kPieces = kDim / 8;
  const int group = args.q_heads / args.head_groups;
  for (int i = gpu::thread(); i < group * kPieces; i += gpu::threads()) {
    const int row = i / kPieces;
    const int dim = i % kPieces * 8;
    float maximum = kNoScore;
    for (int w = 0; w < kDecodeWarps; ++w) maximum = gpu::max(maximum, tile.maximum[w][row]);
    OutPiece piece;
    float sum = 0;
    KVSIM_UNROLL
    for (int w = 0; w < kDecodeWarps; ++w) {
      const float factor = rescale(tile.maximum[w][row], maximum);
      const float* out = &tile.out[w][row][dim];
      sum += factor * tile.sum[w][row];
      add_scaled(piece, factor, gpu::load16(out), gpu::load16(out + 4));
    }
    if (item.splits == 1) {
      const std::int64_t head =
          static_cast<std::int64_t>(item.sequence) * args.q_heads + item.head_group * group + row;
      store_out<Query, kDim>(args, head, dim, piece, maximum, sum);
      continue;
    }
    const std::int64_t partial = static_cast<std::int64_t>(item.slot()) * group + row;
    float* out = args.partial_out + partial * kDim + dim;
    gpu::Vec16 low;
    gpu::Vec16 high;
    KVSIM_UNROLL
    for (int j = 0; j < 4; ++j) {
      low.word[j] = gpu::float_bits(piece.dim[j]);
      high.word[j] = gpu::float_bits(piece.dim[4 + j]);
    }
    gpu::store16(out, low);
    gpu::store16(out + 4, high);
    if (dim == 0) {
      args.partial_stats[partial * 2] = maximum;
      args.partial_stats[partial * 2 + 1] = sum;
    }
  }
}

/// True for every thread of the block that is the last of `count` to come here, which then sees
/// what the others wrote before (CUDA C++ Programming Guide, memory fence functions).
KVSIM_DEVICE bool last_to_arrive(std::uint32_t* arrivals, int count, std::uint32_t& shared) {
  gpu::fence();
  gpu::sync_block();
  if (gpu::thread() == 0) shared = gpu::atomic_wrap(arrivals, static_cast<std::uint32_t>(count));
  gpu::sync_block();
  gpu::fence();
  return shared == static_cast<std::uint32_t>(count - 1);
}

/// Merges the chunks of the item's sequence and head group, in their order, into out.
template <class Query, int kDim, int kRows>
KVSIM_DEVICE void merge_chunks(const DecodeArgs& args, const WorkItem& item,
                               MergeTile<kDim, kRows>& tile) {
  const int group = args.q_heads / args.head_groups;
  const int chunks = item.splits;
  const std::int64_t partial = static_cast<std::int64_t>(item.first_slot) * group;
  // tile.weight: first each chunk's maximum, then its share of the whole.
  for (int i = gpu::thread(); i < chunks * group; i += gpu::threads())
    tile.weight[i / group][i % group] = gpu::load_fresh(args.partial_stats + (partial + i) * 2);
  gpu::sync_block();
  if (gpu::thread() < group) {
    const int row = gpu::thread();
    float maximum = kNoScore;
    for (int c = 0; c < chunks; ++c) maximum = gpu::max(maximum, tile.weight[c][row]);
    float sum = 0;
    for (int c = 0; c < chunks; ++c) {
      const float weight = rescale(tile.weight[c][row], maximum);
      tile.weight[c][row] = weight;
      sum += weight * gpu::load_fresh(args.partial_stats + (partial + c * group + row) * 2 + 1);
    }
    tile.maximum[0][row] = maximum;
    tile.sum[0][row] = sum;
  }
  gpu::sync_block();
  constexpr int kPieces = kDim / 8;
  for (int i = gpu::thread(); i < group * kPieces; i += gpu::threads()) {
    const int row = i / kPieces;
    const int dim = i % kPieces * 8;
    OutPiece piece;
    for (int c = 0; c < chunks; ++c) {
      const float* out = args.partial_out + (partial + c * group + row) * kDim + dim;
      add_scaled(piece, tile.weight[c][row], gpu::load16_fresh(out), gpu::load16_fresh(out + 4));
    }
    const std::int64_t head =
        static_cast<std::int64_t>(item.sequence) * args.q_heads + item.head_group * group + row;
    store_out<Query, kDim>(args, head, dim, piece, tile.maximum[0][row], tile.sum[0][row]);
  }
}

}  // namespace kvsim
