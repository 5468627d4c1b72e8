#pragma once
// Chunked-prefill attention over paged K and V, on tensor cores.
//
// One block computes one item of the planner (sim/model/attention/prefill_plan.h): kRows packed
// rows (token x query head of the group) of one sequence and KV head, against a range of KV tiles.
// Every warp owns 16 or 32 rows. K and V tiles come in turn, K0 V0 K1 V1 .., through one ring
// of shared-memory slots filled by cp.async: a step waits for its tile, and the barrier that makes
// it visible to all warps also frees the slot of the step before, which is refilled at once.
// The rows' page numbers for tile t + 1 are read while tile t is copied, off the critical path.
// Softmax stays in registers; the mask costs only on tiles that it cuts; a row tile split over KV
// is merged by its last block.
//
// Sources: FlashAttention-2 (arXiv 2307.08691) for the loop; FlashInfer (arXiv 2501.01005) for
// rows of packed heads and partial results of splits; vLLM for the page table.

#include "kernels/decode/row_address.cuh"
#include "kernels/gpu/gpu.h"
#include "kernels/prefill/partial.cuh"
#include "kernels/prefill/prefill_args.h"
#include "kernels/prefill/softmax.cuh"
#include "kernels/prefill/tile.cuh"
#include "kernels/prefill/warp_products.cuh"
#include "sim/model/attention/prefill_plan.h"

namespace kvsim {

/// Where an item lies in its sequence, and which keys its rows see. Kept in shared memory:
/// registers are dear in the loop.
struct PrefillGeometry {
  PrefillItem item;
  int first_token = 0;  // Of the sequence, in q and out.
  int prior = 0;        // Tokens of the sequence before the chunk.
  int context = 0;
  int group = 0;  // Query heads per KV head.
  int rows = 0;   // Of the whole chunk.
  int q_heads = 0;
  int causal = 0;
  int window = 0;
  int first_key = 0;  // Some row sees [first_key, end_key) ..
  int end_key = 0;
  int common_first_key = 0;  // .. and every row [common_first_key, common_end_key).
  int common_end_key = 0;

  KVSIM_DEVICE void set(const PrefillArgs& args, int item_number, int tile_rows) {
    item = args.items[item_number];
    first_token = args.first_token[item.sequence];
    const int tokens = args.first_token[item.sequence + 1] - first_token;
    context = args.context[item.sequence];
    prior = context - tokens;
    group = args.q_heads / args.kv_heads;
    rows = tokens * group;
    q_heads = args.q_heads;
    causal = args.causal;
    window = args.window;
    first_key = first_key_of(0);
    end_key = end_key_of(tile_rows - 1);
    common_first_key = first_key_of(tile_rows - 1);
    common_end_key = end_key_of(0);
  }

  /// The first key that row `row` of the tile sees, and the one after its last; rows of padding see
  /// what the chunk's last row does.
  KVSIM_DEVICE int first_key_of(int row) const {
    const int from = position(row) + 1 - window;
    return window == 0 || from < 0 ? 0 : from;
  }
  KVSIM_DEVICE int end_key_of(int row) const { return causal != 0 ? position(row) + 1 : context; }

  /// The number, in q and out, of row `row` of the tile; -1 for padding.
  KVSIM_DEVICE int q_row(int row) const {
    const int packed = item.row_begin + row;
    if (packed >= rows) return -1;
    const int token = packed / group;
    const int head = item.kv_head * group + (packed - token * group);
    return (first_token + token) * q_heads + head;
  }

 private:
  KVSIM_DEVICE int position(int row) const {
    const int packed = item.row_begin + row;
    return prior + (packed < rows ? packed : rows - 1) / group;
  }
};

/// Shared memory.
template <class Products>
struct PrefillTile {
  using Element = typename Products::Element;
  static constexpr int kSlots = Products::kSlots;
  alignas(128) Element q[Products::kRows * Products::kHeadDim];
  alignas(1024) Element ring[kSlots][kPrefillKvTokens * Products::kHeadDim];
  PrefillGeometry geometry;
  std::uint32_t arrived = 0;
};

/// The KV tiles of an item through the ring of slots.
template <class Products, class Table>
class KvStream {
 public:
  using Element = typename Products::Element;
  using Tile = PrefillTile<Products>;

  KVSIM_DEVICE KvStream(const PrefillArgs& args, Tile& tile)
      : args_(args),
        tile_(tile),
        kv_tile_(tile.geometry.item.tile_begin),
        next_row_(row_in(tile.geometry.item.tile_begin)) {}

  /// [block] Starts the first copies, together with what the caller has copied before.
  KVSIM_DEVICE void start() {
    KVSIM_UNROLL
    for (int i = 0; i < Tile::kSlots - 1; ++i) copy_next();
  }

  /// [block] The next of K0 V0 K1 V1 .. , until the call after.
  KVSIM_DEVICE const Element* next() {
    gpu::cp_async_wait<Tile::kSlots - 2>();
    Products::before_barrier();
    gpu::sync_block();
    copy_next();
    return tile_.ring[copied_ % Tile::kSlots];  // The oldest: it will be refilled next.
  }

 private:
  static constexpr int kWarpRows = kPrefillKvTokens / Products::kWarps;

  /// The pool's row for this lane's token of KV tile `kv_tile`; -1 if no row of the item sees it:
  /// beyond the mask memory may hold anything, NaN included, and pages may be gone.
  KVSIM_DEVICE int row_in(int kv_tile) const {
    const int token =
        kv_tile * kPrefillKvTokens + gpu::warp() * kWarpRows + gpu::lane() % kWarpRows;
    const PrefillGeometry& at = tile_.geometry;
    if (kv_tile >= at.item.tile_end || token < at.first_key || token >= at.end_key) return -1;
    return Table(args_, at.item.sequence, at.item.kv_head).row(token);
  }

  KVSIM_DEVICE void copy_next() {
    if (kv_tile_ < tile_.geometry.item.tile_end) {
      Element* slot = tile_.ring[copied_ % Tile::kSlots];
      const bool is_k = copied_ % 2 == 0;
      if (is_k) row_ = next_row_;
      copy_rows<typename Products::KvLayout, kWarpRows>(
          slot, gpu::warp() * kWarpRows, static_cast<const Element*>(is_k ? args_.k : args_.v),
          row_);
      if (is_k) next_row_ = row_in(kv_tile_ + 1);
      if (!is_k) ++kv_tile_;
    }
    ++copied_;
    gpu::cp_async_commit();  // Also when empty: groups count steps.
  }

  const PrefillArgs& args_;
  Tile& tile_;
  int kv_tile_;  // That is being copied.
  int next_row_;
  int row_ = -1;
  int copied_ = 0;
};

/// The work of one block.
template <class Products, class Table>
class PrefillBlock {
 public:
  using Element = typename Products::Element;
  using Tile = PrefillTile<Products>;

  KVSIM_DEVICE PrefillBlock(const PrefillArgs& args, Tile& tile)
      : args_(args), tile_(tile), at_(tile.geometry) {}

  KVSIM_DEVICE void run() {
    if (gpu::thread() == 0) tile_.geometry.set(args_, gpu::block_x(), kRows);
    gpu::sync_block();
    copy_rows<RowLayout<kHeadDim>, kWarpRows>(
        tile_.q, warp_row(), static_cast<const Element*>(args_.q), q_row_of_lane());
    KvStream<Products, Table> stream(args_, tile_);
    stream.start();
    KVSIM_NO_UNROLL
    for (int kv_tile = at_.item.tile_begin; kv_tile < at_.item.tile_end; ++kv_tile) {
      float scores[kTiles][kColumns][4] = {};
      Products::add_scores(scores, tile_.q, warp_row(), stream.next());
      const int first_key = kv_tile * kPrefillKvTokens;
      if (first_key < at_.common_first_key || first_key + kPrefillKvTokens > at_.common_end_key)
        hide(scores, first_key);
      std::uint32_t powers[kTiles][kSteps][4];
      to_powers(powers, scores);
      Products::add_output(output_, powers, stream.next());
    }
    KVSIM_UNROLL
    for (int m = 0; m < kTiles; ++m) softmax_[m].finish();
    store();
  }

 private:
  static constexpr int kHeadDim = Products::kHeadDim;
  static constexpr int kRows = Products::kRows;
  static constexpr int kWarpRows = kRows / Products::kWarps;
  static constexpr int kTiles = kWarpRows / 16;          // Of 16 rows.
  static constexpr int kColumns = kPrefillKvTokens / 8;  // Of 8 keys.
  static constexpr int kSteps = kPrefillKvTokens / 16;   // Of 16 keys, summed over at once.
  static constexpr int kOutputColumns = kHeadDim / 8;

  /// This warp's first row of the tile.
  KVSIM_DEVICE int warp_row() const { return gpu::warp() * kWarpRows; }
  /// Row of the tile that part h of this lane's fragment m is of.
  KVSIM_DEVICE int fragment_row(int m, int h) const {
    return warp_row() + m * 16 + h * 8 + gpu::lane() / 4;
  }

  KVSIM_DEVICE int q_row_of_lane() const { return at_.q_row(warp_row() + gpu::lane() % kWarpRows); }

  KVSIM_DEVICE void hide(float (&scores)[kTiles][kColumns][4], int first_key) const {
    KVSIM_UNROLL
    for (int m = 0; m < kTiles; ++m) {
      KVSIM_UNROLL
      for (int h = 0; h < 2; ++h) {
        const int row = fragment_row(m, h);
        const int from = at_.first_key_of(row) - first_key;
        const int to = at_.end_key_of(row) - first_key;
        KVSIM_UNROLL
        for (int n = 0; n < kColumns; ++n) {
          KVSIM_UNROLL
          for (int i = 0; i < 2; ++i) {
            const int key = n * 8 + gpu::lane() % 4 * 2 + i;
            if (key < from || key >= to) scores[m][n][2 * h + i] = kNoScore;
          }
        }
      }
    }
  }

  /// Rounded to elements at once, which frees half of their registers.
  KVSIM_DEVICE void to_powers(std::uint32_t (&powers)[kTiles][kSteps][4],
                              float (&scores)[kTiles][kColumns][4]) {
    KVSIM_UNROLL
    for (int m = 0; m < kTiles; ++m) {
      float factor[2];
      softmax_[m].update(scores[m], args_.scale_log2, factor);
      KVSIM_UNROLL
      for (int step = 0; step < kSteps; ++step)
        pack_left<Element>(powers[m][step], scores[m], step);
      KVSIM_UNROLL
      for (int n = 0; n < kOutputColumns; ++n) {
        KVSIM_UNROLL
        for (int i = 0; i < 4; ++i) output_[m][n][i] *= factor[i / 2];
      }
    }
  }

  KVSIM_DEVICE void store() {
    if (at_.item.splits > 1) {
      const std::int64_t slot = static_cast<std::int64_t>(at_.item.slot + at_.item.split) * kRows;
      store_partial(args_.parts, [&](int row) { return at_.q_row(row) < 0 ? -1 : slot + row; });
      if (last_to_arrive(args_.arrivals + at_.item.slot, at_.item.splits, tile_.arrived)) merge();
    } else if (args_.out == nullptr) {
      store_partial(args_.state,
                    [&](int row) { return static_cast<std::int64_t>(at_.q_row(row)); });
    } else {
      store_divided();
    }
  }

  /// `place(row)` is where a row of the tile goes; -1: nowhere.
  template <class Place>
  KVSIM_DEVICE void store_partial(const PartialRows& to, Place place) const {
    KVSIM_UNROLL
    for (int m = 0; m < kTiles; ++m) {
      KVSIM_UNROLL
      for (int h = 0; h < 2; ++h) {
        const std::int64_t row = place(fragment_row(m, h));
        if (row < 0) continue;
        const int first_column = gpu::lane() % 4 * 2;
        float* out = to.output + row * kHeadDim + first_column;
        KVSIM_UNROLL
        for (int column = 0; column < kHeadDim; column += 8) {
          out[column] = output_[m][column / 8][2 * h];
          out[column + 1] = output_[m][column / 8][2 * h + 1];
        }
        if (gpu::lane() % 4 == 0) store_stats(to, row, softmax_[m].row[h]);
      }
    }
  }

  /// By way of shared memory, so that rows go out in whole lines. A warp's rows of the tile of
  /// queries are its own, and read for the last time.
  KVSIM_DEVICE void store_divided() {
    gpu::sync_warp();
    KVSIM_UNROLL
    for (int m = 0; m < kTiles; ++m) {
      KVSIM_UNROLL
      for (int h = 0; h < 2; ++h) {
        const int row = fragment_row(m, h);
        const float inverse = inverse_or_zero(softmax_[m].row[h].sum);
        KVSIM_UNROLL
        for (int n = 0; n < kOutputColumns; ++n) {
          auto* words = reinterpret_cast<std::uint32_t*>(tile_.q + piece_at<kHeadDim>(row, n));
          words[gpu::lane() % 4] = gpu::pack<Element>(output_[m][n][2 * h] * inverse,
                                                      output_[m][n][2 * h + 1] * inverse);
        }
      }
    }
    gpu::sync_warp();
    constexpr int kPieces = kHeadDim / kPieceElements;
    const int row_of_lane = q_row_of_lane();
    KVSIM_UNROLL
    for (int pass = 0; pass < kWarpRows * kPieces / 32; ++pass) {
      const int index = pass * 32 + gpu::lane();
      const int row = index / kPieces;
      const int piece = index % kPieces;
      const int to = gpu::shfl(row_of_lane, row);
      if (to < 0) continue;
      gpu::store16(static_cast<Element*>(args_.out) + static_cast<std::int64_t>(to) * kHeadDim +
                       piece * kPieceElements,
                   gpu::load16(tile_.q + piece_at<kHeadDim>(warp_row() + row, piece)));
    }
  }

  /// A warp takes every fourth row.
  KVSIM_DEVICE void merge() const {
    const std::int64_t first = static_cast<std::int64_t>(at_.item.slot) * kRows;
    KVSIM_NO_UNROLL
    for (int row = gpu::warp(); row < kRows; row += Products::kWarps) {
      const int to = at_.q_row(row);
      if (to < 0) break;
      RowMerge<kHeadDim> merged;
      merged.add_all(args_.parts, first + row, kRows, at_.item.splits);
      if (args_.out == nullptr) {
        merged.store_partial(args_.state, to);
      } else {
        merged.store_divided(static_cast<Element*>(args_.out) +
                             static_cast<std::int64_t>(to) * kHeadDim);
      }
    }
  }

  const PrefillArgs& args_;
  Tile& tile_;
  const PrefillGeometry& at_;
  SoftmaxRows softmax_[kTiles];
  float output_[kTiles][kOutputColumns][4] = {};
};

/// Grid: one block per item; threads: 32 Products::kWarps; shared memory: sizeof(PrefillTile).
/// Products (warp_products.cuh, warpgroup_products.cuh) says how large a tile is and how it is
/// multiplied.
template <class Products, class Table>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(Products::kWarps* gpu::kWarpThreads, Products::kBlocksPerSm)
    prefill_kernel(const PrefillArgs args) {
  auto& tile = gpu::shared<PrefillTile<Products>>();
  PrefillBlock<Products, Table>(args, tile).run();
}

}  // namespace kvsim
