#pragma once
// prefill_plan: which tiles one launch of prefill attention computes, in which order, and how many.
//
// The kernel (kernels/prefill) and the cost model both use this, so a price knows the schedule.
// Rows: the G = q_heads / kv_heads query heads that share a KV head are packed with the tokens,
// row r of a KV head is token r / G of the chunk, head r % G of its group (as FlashAttention-2 and
// FlashInfer do), so K and V are read once for all of them. A row tile is `rows` such rows; it
// visits the KV tiles that any of its rows may see, whole ones, the masked part included.
//
// When there are fewer row tiles than blocks the device can hold, the KV range is cut at multiples
// of a common number of tiles (split-KV). Cutting at fixed places rather than into equal parts
// keeps the arithmetic of a split independent of where a chunk ends, and makes every count below a
// sum of floors of a linear function, so that features cost O(log) per chunk, not a loop over
// tiles.

#include <cstdint>
#include <span>
#include <vector>

namespace kvsim {

/// The new tokens of one sequence: its last `query_tokens` of `context_tokens`.
/// Requires 0 <= query_tokens <= context_tokens, unless the mask is full.
struct PrefillChunk {
  std::int64_t query_tokens = 0;
  std::int64_t context_tokens = 0;
};

/// One attention layer. Requires q_heads a multiple of kv_heads; a window only with `causal`.
struct PrefillShape {
  int q_heads = 1;
  int kv_heads = 1;
  int head_dim = 128;
  int element_bytes = 2;
  bool causal = true;       ///< False: every query sees the whole context (a shared prefix).
  std::int64_t window = 0;  ///< Keys a query sees, itself included; 0: all.
};

struct PrefillTiling {
  int rows = 128;             ///< Packed rows per tile: 64 or 128.
  int kv_tokens = 64;         ///< Tokens per KV tile.
  int resident = 264;         ///< Blocks the device holds at once: two on each of 132 SMs.
  int least_split_tiles = 4;  ///< A split shorter than this costs more than it gains.
  int most_splits = 32;       ///< One block merges them all.
};

/// Work of one block: a row tile against KV tiles [tile_begin, tile_end).
struct PrefillItem {
  std::int32_t sequence = 0;
  std::int32_t kv_head = 0;
  std::int32_t row_begin = 0;
  std::int32_t tile_begin = 0;
  std::int32_t tile_end = 0;
  std::int32_t split = 0;   ///< Which part of its row tile, in the order of the KV tiles.
  std::int32_t splits = 1;  ///< Of so many.
  std::int32_t slot = 0;    ///< Where part 0 keeps its partial result; part i: slot + i.
};

struct PrefillPlan {
  std::vector<PrefillItem> items;  ///< Longest first (Graham's LPT rule): short ones fill the end.
  std::int32_t slots = 0;          ///< Partial results, of `rows` rows each.
};

/// What the cost model sees of a launch.
struct PrefillFeatures {
  std::int64_t row_tiles = 0;
  std::int64_t items = 0;     ///< Blocks; more than row_tiles when KV is split.
  std::int64_t tiles = 0;     ///< (row tile, KV tile) pairs computed, masked ones included.
  std::int64_t waves = 0;     ///< Rounds of `resident` blocks.
  double executed_flops = 0;  ///< Two matrix products per pair.
  double useful_flops = 0;    ///< The part of them that the mask lets through.
  double bytes = 0;           ///< Each visible K, V, query and output once: from memory.
  double tile_bytes = 0;      ///< K and V of every pair: through the L2 cache.

  friend bool operator==(const PrefillFeatures&, const PrefillFeatures&) = default;
};

/// 128 rows when some chunk fills more than 64 and registers allow (head_dim <= 128), else 64.
[[nodiscard]] int prefill_rows(const PrefillShape& shape, std::span<const PrefillChunk> chunks);

/// KV tiles between two cuts: every row tile is cut at its multiples.
[[nodiscard]] std::int64_t prefill_split_tiles(const PrefillShape& shape,
                                               const PrefillTiling& tiling,
                                               std::span<const PrefillChunk> chunks);

[[nodiscard]] PrefillPlan plan_prefill(const PrefillShape& shape, const PrefillTiling& tiling,
                                       std::span<const PrefillChunk> chunks);

/// The features of plan_prefill's result without making it: O(log tokens) per chunk.
[[nodiscard]] PrefillFeatures prefill_features(const PrefillShape& shape,
                                               const PrefillTiling& tiling,
                                               std::span<const PrefillChunk> chunks);

}  // namespace kvsim
