#pragma once
// Latent decode attention on mma.sync; mla.h says what it computes.
//
// A block works off one WorkItem: up to 16 heads, the 16 rows of a product, over a run of 64-token
// tiles. A tile of 72 KB is key and value at once, so three of them fill the shared memory and two
// are in flight while one is worked on; the queries stay in registers. Its four warps share a tile
// twice: each scores 16 of its tokens against all 576 columns, then, when the powers have been
// exchanged through shared memory, each sums all 64 tokens into 128 of the 512 output columns.
// Splits are merged as in decode.
//
// Source: FlashMLA (github.com/deepseek-ai/FlashMLA) for reading the row once.

#include "kernels/decode/merge.cuh"
#include "kernels/decode/row_address.cuh"
#include "kernels/gpu/gpu.h"
#include "kernels/mla/mla.h"
#include "kernels/prefill/partial.cuh"
#include "kernels/prefill/softmax.cuh"
#include "kernels/prefill/tile.cuh"

namespace kvsim {

inline constexpr int kMlaTileTokens = 64;
inline constexpr int kMlaWarps = 4;
inline constexpr int kMlaRows = 16;

template <class Element>
struct MlaTile {
  static constexpr int kSlots = 3;
  alignas(128) Element ring[kSlots][kMlaTileTokens * kMlaRowDim];
  alignas(128) Element powers[kMlaRows * kMlaTileTokens];
  float maximum[kMlaWarps][kMlaRows] = {};  // Of a warp's tokens; one tile at a time.
  float sum[kMlaWarps][kMlaRows] = {};
  std::uint32_t arrived = 0;
};

/// The work of one block.
template <class Element, class Table>
class MlaBlock {
 public:
  using Tile = MlaTile<Element>;

  KVSIM_DEVICE MlaBlock(const DecodeArgs& args, const WorkItem& item, Tile& tile)
      : args_(args),
        item_(item),
        tile_(tile),
        address_(args, item.sequence, 0),
        group_(args.q_heads / args.head_groups),
        next_tile_(item.tile_begin),
        next_row_(row_in(item.tile_begin)) {}

  KVSIM_DEVICE void run() {
    load_queries();
    KVSIM_NO_UNROLL
    for (int kv_tile = item_.tile_begin; kv_tile < item_.tile_end; ++kv_tile) {
      gpu::cp_async_wait<Tile::kSlots - 2>();
      gpu::sync_block();  // The tile is here for all, and all are done with the one before.
      const Element* rows = tile_.ring[slot_of(kv_tile)];
      copy_next();
      float scores[2][4] = {};
      add_scores(scores, rows);
      hide(scores, kv_tile * kMlaTileTokens + first_token());
      to_powers(scores);
      gpu::sync_block();  // All powers are there.
      add_output(rows);
    }
    store();
  }

 private:
  static constexpr int kWarpTokens = kMlaTileTokens / kMlaWarps;
  static constexpr int kSteps = kMlaRowDim / 16;
  static constexpr int kWarpColumns = kMlaLatentDim / kMlaWarps;
  static constexpr int kOutputColumns = kWarpColumns / 8;

  /// Of this warp, in a tile.
  KVSIM_DEVICE static int first_token() { return gpu::warp() * kWarpTokens; }
  KVSIM_DEVICE static int first_column() { return gpu::warp() * kWarpColumns; }
  /// This lane's row of part h of a fragment: a head of the group, or padding.
  KVSIM_DEVICE static int fragment_row(int h) { return h * 8 + gpu::lane() / 4; }
  KVSIM_DEVICE int slot_of(int kv_tile) const {
    return (kv_tile - item_.tile_begin) % Tile::kSlots;
  }

  /// The row of head `row` of the group in q and out.
  KVSIM_DEVICE std::int64_t head_row(int row) const {
    return static_cast<std::int64_t>(item_.sequence) * args_.q_heads + item_.head_group * group_ +
           row;
  }

  /// The cache's row for this lane's token of a tile; -1 beyond the sequence or the item.
  KVSIM_DEVICE int row_in(int kv_tile) const {
    const int token = kv_tile * kMlaTileTokens + first_token() + gpu::lane() % kWarpTokens;
    return kv_tile < item_.tile_end && token < item_.length ? address_.row(token) : -1;
  }

  KVSIM_DEVICE void copy_next() {
    if (next_tile_ < item_.tile_end) {
      const int row = next_row_;
      next_row_ = row_in(next_tile_ + 1);  // On its way while the copies are issued.
      copy_rows<RowLayout<kMlaRowDim>, kWarpTokens>(tile_.ring[slot_of(next_tile_)], first_token(),
                                                    static_cast<const Element*>(args_.k), row);
      ++next_tile_;
    }
    gpu::cp_async_commit();  // Also when empty: groups count tiles.
  }

  /// By way of the slot that is filled last, together with the first tiles.
  KVSIM_DEVICE void load_queries() {
    Element* staged = tile_.ring[Tile::kSlots - 1];
    constexpr int kWarpRows = kMlaRows / kMlaWarps;
    const int row = gpu::warp() * kWarpRows + gpu::lane() % kWarpRows;
    const int number = row < group_ ? static_cast<int>(head_row(row)) : -1;
    copy_rows<RowLayout<kMlaRowDim>, kWarpRows>(staged, gpu::warp() * kWarpRows,
                                                static_cast<const Element*>(args_.q), number);
    gpu::cp_async_commit();
    KVSIM_UNROLL
    for (int i = 0; i < Tile::kSlots - 1; ++i) copy_next();
    gpu::cp_async_wait<Tile::kSlots - 1>();
    gpu::sync_block();
    KVSIM_UNROLL
    for (int step = 0; step < kSteps; ++step) load_left<kMlaRowDim>(query_[step], staged, 0, step);
  }

  /// Heads by this warp's tokens. Two sums, so that no product waits for the one just before.
  KVSIM_DEVICE void add_scores(float (&scores)[2][4], const Element* rows) const {
    float odd[2][4] = {};
    KVSIM_UNROLL
    for (int step = 0; step < kSteps; step += 2) {
      std::uint32_t right[4];
      load_right_of_rows<kMlaRowDim>(right, rows, first_token(), step);
      multiply_two<Element>(scores[0], scores[1], query_[step], right);
      load_right_of_rows<kMlaRowDim>(right, rows, first_token(), step + 1);
      multiply_two<Element>(odd[0], odd[1], query_[step + 1], right);
    }
    KVSIM_UNROLL
    for (int n = 0; n < 2; ++n) {
      KVSIM_UNROLL
      for (int i = 0; i < 4; ++i) scores[n][i] = (scores[n][i] + odd[n][i]) * args_.scale_log2;
    }
  }

  KVSIM_DEVICE void hide(float (&scores)[2][4], int first) const {
    if (first + kWarpTokens <= item_.length) return;
    KVSIM_UNROLL
    for (int n = 0; n < 2; ++n) {
      KVSIM_UNROLL
      for (int i = 0; i < 4; ++i)
        if (first + n * 8 + gpu::lane() % 4 * 2 + i % 2 >= item_.length) scores[n][i] = kNoScore;
    }
  }

  /// [block] This warp's powers to shared memory, relative to the maximum of all warps' scores;
  /// output and sums follow it.
  KVSIM_DEVICE void to_powers(const float (&scores)[2][4]) {
    KVSIM_UNROLL
    for (int h = 0; h < 2; ++h) {
      const float largest = quad_max(gpu::max(gpu::max(scores[0][2 * h], scores[0][2 * h + 1]),
                                              gpu::max(scores[1][2 * h], scores[1][2 * h + 1])));
      if (gpu::lane() % 4 == 0) tile_.maximum[gpu::warp()][fragment_row(h)] = largest;
    }
    gpu::sync_block();
    KVSIM_UNROLL
    for (int h = 0; h < 2; ++h) {
      const int row = fragment_row(h);
      float maximum = total_[h].max;
      KVSIM_UNROLL
      for (int w = 0; w < kMlaWarps; ++w) maximum = gpu::max(maximum, tile_.maximum[w][row]);
      const float factor = rescale(total_[h].max, maximum);
      float sum = total_[h].sum * factor;
      KVSIM_UNROLL
      for (int n = 0; n < 2; ++n) {
        const float low = rescale(scores[n][2 * h], maximum);
        const float high = rescale(scores[n][2 * h + 1], maximum);
        sum += low + high;
        const int piece = piece_at<kMlaTileTokens>(row, first_token() / kPieceElements + n);
        reinterpret_cast<std::uint32_t*>(tile_.powers + piece)[gpu::lane() % 4] =
            gpu::pack<Element>(low, high);
      }
      total_[h] = {maximum, sum};
      KVSIM_UNROLL
      for (float(&column)[4] : output_) {
        column[2 * h] *= factor;
        column[2 * h + 1] *= factor;
      }
    }
  }

  KVSIM_DEVICE void add_output(const Element* rows) {
    KVSIM_UNROLL
    for (int step = 0; step < kMlaTileTokens / 16; ++step) {
      std::uint32_t left[4];
      load_left<kMlaTileTokens>(left, tile_.powers, 0, step);
      KVSIM_UNROLL
      for (int n = 0; n < kOutputColumns; n += 2) {
        std::uint32_t right[4];
        load_right_of_columns<kMlaRowDim>(right, rows + first_column(), step * 16, n / 2);
        multiply_two<Element>(output_[n], output_[n + 1], left, right);
      }
    }
  }

  /// [block] The sums of all warps' tokens, in their order.
  KVSIM_DEVICE void add_sums() {
    KVSIM_UNROLL
    for (int h = 0; h < 2; ++h) {
      const float sum = quad_sum(total_[h].sum);
      if (gpu::lane() % 4 == 0) tile_.sum[gpu::warp()][fragment_row(h)] = sum;
    }
    gpu::sync_block();
    KVSIM_UNROLL
    for (int h = 0; h < 2; ++h) {
      total_[h].sum = 0;
      KVSIM_UNROLL
      for (int w = 0; w < kMlaWarps; ++w) total_[h].sum += tile_.sum[w][fragment_row(h)];
    }
  }

  KVSIM_DEVICE void store() {
    add_sums();
    KVSIM_UNROLL
    for (int h = 0; h < 2; ++h) {
      if (fragment_row(h) >= group_) continue;
      if (item_.splits == 1) {
        store_divided(h);
      } else {
        store_partial(h);
      }
    }
    if (item_.splits == 1) return;
    std::uint32_t* arrivals =
        args_.arrivals + item_.sequence * args_.head_groups + item_.head_group;
    if (last_to_arrive(arrivals, item_.splits, tile_.arrived)) merge();
  }

  KVSIM_DEVICE void store_divided(int h) const {
    const float inverse = inverse_or_zero(total_[h].sum);
    Element* out = static_cast<Element*>(args_.out) + head_row(fragment_row(h)) * kMlaLatentDim;
    auto* words = reinterpret_cast<std::uint32_t*>(out + first_column()) + gpu::lane() % 4;
    KVSIM_UNROLL
    for (const float(&column)[4] : output_) {
      *words = gpu::pack<Element>(column[2 * h] * inverse, column[2 * h + 1] * inverse);
      words += 4;
    }
  }

  KVSIM_DEVICE PartialRows parts() const { return {args_.partial_out, args_.partial_stats}; }

  KVSIM_DEVICE void store_partial(int h) const {
    const std::int64_t row = static_cast<std::int64_t>(item_.slot()) * group_ + fragment_row(h);
    const int column_of_lane = first_column() + gpu::lane() % 4 * 2;
    float* out = args_.partial_out + row * kMlaLatentDim + column_of_lane;
    KVSIM_UNROLL
    for (const float(&column)[4] : output_) {
      out[0] = column[2 * h];
      out[1] = column[2 * h + 1];
      out += 8;
    }
    if (gpu::thread() % 4 == 0 && gpu::warp() == 0) store_stats(parts(), row, total_[h]);
  }

  /// A warp takes every fourth head.
  KVSIM_DEVICE void merge() const {
    KVSIM_NO_UNROLL
    for (int row = gpu::warp(); row < group_; row += kMlaWarps) {
      RowMerge<kMlaLatentDim> merged;
      merged.add_all(parts(), static_cast<std::int64_t>(item_.first_slot) * group_ + row, group_,
                     item_.splits);
      merged.store_divided(static_cast<Element*>(args_.out) + head_row(row) * kMlaLatentDim);
    }
  }

  const DecodeArgs& args_;
  const WorkItem item_;
  Tile& tile_;
  const Table address_;
  const int group_;  // Heads.
  int next_tile_;    // To be copied.
  int next_row_;
  std::uint32_t query_[kSteps][4] = {};
  MaxSum total_[2];  // The sums are of this lane's tokens only, until add_sums().
  float output_[kOutputColumns][4] = {};
};

/// Grid: one block per item; threads: 32 kMlaWarps; shared memory: sizeof(MlaTile).
template <class Element, class Table>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kMlaWarps* gpu::kWarpThreads, 1)
    mla_kernel(const DecodeArgs args) {
  const WorkItem item = args.items[gpu::block_x()];
  MlaBlock<Element, Table>(args, item, gpu::shared<MlaTile<Element>>()).run();
}

}  // namespace kvsim
