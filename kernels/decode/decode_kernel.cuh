#pragma once
// Decode attention: one query token per sequence against its cached keys and values.
//
// A block works off one WorkItem: the query heads of one KV head (up to 16), so that K and V are
// read once (grouped-query attention), over a run of tiles. Its four warps take 16 tokens of each
// tile and share nothing until the end: each has a ring of copies in flight, an online softmax
// (Milakov and Gimelshein, arXiv 1805.02867) and a partial result. Those are merged in shared
// memory; if the sequence was cut, the block that arrives last merges the chunks, in their order,
// so that the bits depend on the plan alone (Flash-Decoding's second pass, without a second
// launch).
//
// Products are mma.m16n8k16. Scores = Q K^T: query heads are rows, 8 of the 16 in use or all, and
// tokens columns. Out^T = V^T P^T: head dims are rows, and probabilities are the second operand in
// the very registers they were computed in. What a token costs does not depend on the number of
// heads that share it, up to 8 and up to 16: groups of one take this path like any other.

#include "kernels/decode/decode_args.h"
#include "kernels/decode/merge.cuh"
#include "kernels/decode/row_address.cuh"
#include "kernels/decode/tile_ring.cuh"
#include "kernels/gpu/gpu.h"
#include "sim/model/attention/visible_tiles.h"

namespace kvsim {

inline constexpr int kDecodeTileTokens = kDecodeWarps * kWarpTokens;

/// Which tokens the query sees.
struct VisibleMask {
  KVSIM_DEVICE static bool sees(const DecodeArgs& args, int length, int token) {
    return is_visible(token, length, args.window, args.sinks);
  }
};

/// Sizes of a kernel for groups of up to kRows (8 or 16) query heads.
template <class Format, int kDim, int kRows>
struct DecodeTraits {
  using Stage = TileStage<Format, kDim>;
  /// Enough copies in flight to cover the memory's latency: with two blocks on a multiprocessor,
  /// twice the 64 KB that 4.5 TB/s times 1 us and a reserve ask for.
  static constexpr int kRingBytes = 96 << 10;
  static constexpr int kFits = kRingBytes / (kDecodeWarps * static_cast<int>(sizeof(Stage)));
  static constexpr int kStages = kFits < 3 ? 3 : (kFits > 8 ? 8 : kFits);

  struct Shared {
    union {
      Stage ring[kDecodeWarps][kStages];
      MergeTile<kDim, kRows> merge;
    };
  };
  static constexpr int kFitBlocks =
      static_cast<int>(gpu::kSharedBytesPerSm / (sizeof(Shared) + gpu::kSharedBytesReserved));
  static constexpr int kBlocksPerSm = kFitBlocks > 2 ? 2 : kFitBlocks;
};

/// One warp's attention over its 16 tokens of each tile of an item.
template <class Format, class Table, int kDim, int kRows, class Mask>
class WarpDecoder {
 public:
  using Traits = DecodeTraits<Format, kDim, kRows>;
  using Stage = typename Traits::Stage;
  using Operand = typename Format::Operand;

  KVSIM_DEVICE WarpDecoder(const DecodeArgs& args, const WorkItem& item)
      : args_(args),
        item_(item),
        tiles_(visible_tiles(item.length, args.window, args.sinks, kDecodeTileTokens)),
        address_(args, item.sequence, item.head_group * args.kv_heads / args.head_groups) {
    KVSIM_UNROLL
    for (float& maximum : maximum_) maximum = kNoScore;
  }

  KVSIM_DEVICE void run(Stage (&ring)[Traits::kStages]) {
    constexpr int kAhead = Traits::kStages - 1;
    constexpr int kInFlight = 2 * kAhead - 1;  // Groups that may be, where one must have landed.
    const int count = item_.tile_end - item_.tile_begin;
    TokenRun runs[kAhead];
    KVSIM_UNROLL
    for (int i = 0; i < kAhead; ++i) runs[i] = token_run(i);
    KVSIM_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      copy_keys(ring[i], runs[i]);
      copy_values(ring[i], runs[i]);
    }
    TokenRun next = token_run(kAhead);
    load_query();
    int here = 0;
    int there = kAhead;
    KVSIM_NO_UNROLL
    for (int i = 0; i < count; ++i) {
      const TokenRun after_next = token_run(i + kAhead + 1);  // Its table entries are on their way.
      const std::uint32_t visible = visible_bits(i);
      gpu::cp_async_wait<kInFlight>();
      gpu::sync_warp();  // Everyone's copies of these keys landed; the stage before is free.
      copy_keys(ring[there], next);
      Probabilities p;
      if (visible != 0) {  // Else nothing was copied: the stage holds anything.
        float score[2][4] = {};
        multiply_keys(ring[here], score);
        p = absorb(ring[here], score, visible);
      }
      gpu::cp_async_wait<kInFlight>();
      gpu::sync_warp();
      copy_values(ring[there], next);
      if (visible != 0) multiply_values(ring[here], p);
      next = after_next;
      here = here + 1 == Traits::kStages ? 0 : here + 1;
      there = there + 1 == Traits::kStages ? 0 : there + 1;
    }
  }

  KVSIM_DEVICE void store(MergeTile<kDim, kRows>& tile) {
    const int warp = gpu::warp();
    const int g = gpu::lane() / 4;
    const int t = gpu::lane() % 4;
    KVSIM_UNROLL
    for (int half = 0; half < kHalves; ++half) {
      float sum = sum_[half];
      sum += gpu::shfl_xor(sum, 1);
      sum += gpu::shfl_xor(sum, 2);
      if (t == 0) {
        tile.maximum[warp][half * 8 + g] = maximum_[half];
        tile.sum[warp][half * 8 + g] = sum;
      }
      KVSIM_UNROLL
      for (int slice = 0; slice < kSlices; ++slice) KVSIM_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int dim = slice / Format::kSteps * kColumnDims +
                        Format::value_dim(slice % Format::kSteps, g + i / 2 * 8);
        float out = out_[slice][half][i];
        if constexpr (Format::kScaled) out *= 1 / Format::kCodeUnit;
        tile.out[warp][half * 8 + 2 * t + i % 2][dim] = out;
      }
    }
  }

 private:
  static constexpr int kHalves = kRows / 8;
  static constexpr int kSlices = kDim / 16;
  static constexpr int kColumns = kSlices / Format::kSteps;  // Of 32 bytes.
  static constexpr int kColumnDims = 16 * Format::kSteps;

  /// [half of the query heads][half of the tokens]: second operands, 16 tokens by 8 heads.
  struct Probabilities {
    std::uint32_t word[kHalves][2] = {};
  };

  /// The sequence's first token of this warp's share of the item's tile `i`.
  KVSIM_DEVICE int first_token(int i) const {
    return tiles_.tile(item_.tile_begin + i) * kDecodeTileTokens + gpu::warp() * kWarpTokens;
  }

  KVSIM_DEVICE std::uint32_t visible_bits(int i) const {
    const bool exists = item_.tile_begin + i < item_.tile_end;
    const int token = first_token(i) + gpu::lane() % kWarpTokens;
    return gpu::ballot(exists && Mask::sees(args_, item_.length, token)) & 0xffffu;
  }

  KVSIM_DEVICE TokenRun token_run(int i) const {
    TokenRun run{visible_bits(i), {}};
    KVSIM_UNROLL
    for (int half = 0; half < 2; ++half)
      if ((run.visible >> (half * kHalfTokens) & 0xffu) != 0)
        run.row[half] = address_.row(first_token(i) + half * kHalfTokens);
    return run;
  }

  // Each is a group of copies; an empty one past the item's end, so that groups keep count.
  KVSIM_DEVICE void copy_keys(Stage& stage, const TokenRun& run) {
    if (run.visible != 0) {
      copy_rows(stage.k, args_.k, run);
      copy_scales(stage.k_scales, args_.k_scales, run);
      copy_scales(stage.v_scales, args_.v_scales, run);  // Probabilities meet them before V.
    }
    gpu::cp_async_commit();
  }
  KVSIM_DEVICE void copy_values(Stage& stage, const TokenRun& run) {
    if (run.visible != 0) copy_rows(stage.v, args_.v, run);
    gpu::cp_async_commit();
  }

  KVSIM_DEVICE void load_query() {
    using Query = typename Format::Query;
    const int group = args_.q_heads / args_.head_groups;
    const std::int64_t first_head =
        static_cast<std::int64_t>(item_.sequence) * args_.q_heads + item_.head_group * group;
    const auto* q = static_cast<const Query*>(args_.q) + first_head * kDim;
    KVSIM_UNROLL
    for (int slice = 0; slice < kSlices; ++slice) KVSIM_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int head = gpu::lane() / 4 + i % 2 * 8;
      const int k = gpu::lane() % 4 * 2 + i / 2 * 8;
      const int column = slice / Format::kSteps * kColumnDims;
      const int step = slice % Format::kSteps;
      if (i % 2 < kHalves && head < group)
        query_[slice][i] = gpu::pack<Operand>(
            gpu::to_float(q[head * kDim + column + Format::key_dim(step, k)]),
            gpu::to_float(q[head * kDim + column + Format::key_dim(step, k + 1)]));
    }
  }

  /// Where this lane's row of an ldmatrix of 16 tokens by 32 bytes lies.
  KVSIM_DEVICE static int matrix_row() { return gpu::lane() % 8 + gpu::lane() / 16 * 8; }
  KVSIM_DEVICE static int matrix_chunk(int column) { return column * 2 + gpu::lane() / 8 % 2; }

  /// score[h]: query heads by tokens 8 h .. 8 h + 7.
  KVSIM_DEVICE void multiply_keys(Stage& stage, float (&score)[2][4]) const {
    KVSIM_UNROLL
    for (int column = 0; column < kColumns; ++column) {
      std::uint32_t words[4];
      gpu::ldmatrix_x4(words, stage.k.at(matrix_row(), matrix_chunk(column)));
      std::uint32_t keys[Format::kSteps][2][2];
      Format::keys(words, keys);
      KVSIM_UNROLL
      for (int step = 0; step < Format::kSteps; ++step) KVSIM_UNROLL
      for (int half = 0; half < 2; ++half)
        gpu::mma_m16n8k16<Operand>(score[half], query_[column * Format::kSteps + step],
                                   keys[step][half]);
    }
  }

  /// Scores to probabilities; maximum, sum and what was summed so far follow.
  KVSIM_DEVICE Probabilities absorb(const Stage& stage, const float (&score)[2][4],
                                    std::uint32_t visible) {
    Probabilities p;
    const int token = gpu::lane() % 4 * 2;
    float correction[kHalves];
    bool moved = false;
    KVSIM_UNROLL
    for (int half = 0; half < kHalves; ++half) {
      float x[4];  // Tokens token, token + 1, token + 8, token + 9.
      float largest = maximum_[half];
      KVSIM_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int mine = token + i % 2 + i / 2 * 8;
        x[i] = score[i / 2][half * 2 + i % 2] * args_.scale_log2;
        if constexpr (Format::kScaled) x[i] *= gpu::to_float(stage.k_scales.scale[mine]);
        if ((visible >> mine & 1u) == 0) x[i] = kNoScore;
        largest = gpu::max(largest, x[i]);
      }
      largest = gpu::max(largest, gpu::shfl_xor(largest, 1));
      largest = gpu::max(largest, gpu::shfl_xor(largest, 2));
      correction[half] = rescale(maximum_[half], largest);
      moved = moved || largest > maximum_[half];
      maximum_[half] = largest;
      sum_[half] *= correction[half];
      KVSIM_UNROLL
      for (int i = 0; i < 4; ++i) {
        x[i] = rescale(x[i], largest);
        sum_[half] += x[i];
        if constexpr (Format::kScaled) {
          const int mine = token + i % 2 + i / 2 * 8;
          if (x[i] > 0.0f)  // Not for invisible tokens, whose scales may be anything.
            x[i] *= gpu::to_float(stage.v_scales.scale[mine]) * Format::kCodeUnit;
        }
      }
      p.word[half][0] = gpu::pack<Operand>(x[0], x[1]);
      p.word[half][1] = gpu::pack<Operand>(x[2], x[3]);
    }
    if (gpu::ballot(moved) != 0) rescale_out(correction);
    return p;
  }

  KVSIM_DEVICE void rescale_out(const float (&correction)[kHalves]) {
    const int t = gpu::lane() % 4;
    KVSIM_UNROLL
    for (int half = 0; half < kHalves; ++half) {
      // Lane 4 g has head g's; out_ has heads 2 t and 2 t + 1 in this lane.
      const float even = gpu::shfl(correction[half], 8 * t);
      const float odd = gpu::shfl(correction[half], 8 * t + 4);
      KVSIM_UNROLL
      for (int slice = 0; slice < kSlices; ++slice) KVSIM_UNROLL
      for (int i = 0; i < 4; ++i) out_[slice][half][i] *= i % 2 == 0 ? even : odd;
    }
  }

  KVSIM_DEVICE void multiply_values(Stage& stage, const Probabilities& p) {
    KVSIM_UNROLL
    for (int column = 0; column < kColumns; ++column) {
      std::uint32_t words[4];
      gpu::ldmatrix_x4_trans(words, stage.v.at(matrix_row(), matrix_chunk(column)));
      std::uint32_t values[Format::kSteps][4];
      Format::values(words, values);
      KVSIM_UNROLL
      for (int step = 0; step < Format::kSteps; ++step) KVSIM_UNROLL
      for (int half = 0; half < kHalves; ++half)
        gpu::mma_m16n8k16<Operand>(out_[column * Format::kSteps + step][half], values[step],
                                   p.word[half]);
    }
  }

  const DecodeArgs& args_;
  const WorkItem item_;
  const VisibleTiles tiles_;
  const Table address_;
  std::uint32_t query_[kSlices][4] = {};
  float out_[kSlices][kHalves][4] = {};
  float maximum_[kHalves] = {};
  float sum_[kHalves] = {};
};

template <class Format, class Table, int kDim, int kRows, class Mask = VisibleMask>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kDecodeWarps* gpu::kWarpThreads,
                                 (DecodeTraits<Format, kDim, kRows>::kBlocksPerSm))
    decode_kernel(const DecodeArgs args) {
  using Traits = DecodeTraits<Format, kDim, kRows>;
  using Query = typename Format::Query;
  auto& shared = gpu::shared<typename Traits::Shared>();
  const WorkItem item = args.items[gpu::block_x()];
  WarpDecoder<Format, Table, kDim, kRows, Mask> warp(args, item);
  warp.run(shared.ring[gpu::warp()]);
  gpu::sync_block();  // The rings are done with; the same memory holds the results.
  warp.store(shared.merge);
  gpu::sync_block();
  merge_warps<Query>(args, item, shared.merge);
  if (item.splits == 1) return;

  std::uint32_t* arrivals = args.arrivals + item.sequence * args.head_groups + item.head_group;
  if (!last_to_arrive(arrivals, item.splits, shared.merge.arrived)) return;
  merge_chunks<Query>(args, item, shared.merge);
}

}  // namespace kvsim
