#include "sim/model/attention/prefill_plan.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {
namespace {

/// Requires a >= 0, b > 0.
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// The sum of floor((a i + b) / m) over i in [0, n), by Euclid's algorithm on (a, m). Requires
/// a, b >= 0 and m > 0. (Graham, Knuth, Patashnik: Concrete Mathematics, 3.5 "Floor/ceiling sums".)
std::int64_t floor_sum(std::int64_t n, std::int64_t m, std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  while (n > 0) {
    sum += n * (n - 1) / 2 * (a / m) + n * (b / m);
    a %= m;
    b %= m;
    const std::int64_t top = a * n + b;
    n = top / m;  // Count the lattice points under the line by columns of the other axis.
    b = top % m;
    std::swap(a, m);
  }
  return sum;
}

/// One chunk under one shape: which keys its row tiles see.
class Geometry {
 public:
  Geometry(const PrefillShape& shape, const PrefillTiling& tiling, const PrefillChunk& chunk)
      : shape_(shape),
        chunk_(chunk),
        group_(shape.q_heads / shape.kv_heads),
        rows_(tiling.rows),
        prior_(chunk.context_tokens - chunk.query_tokens),
        row_tiles_(chunk.context_tokens > 0 ? ceil_div(chunk.query_tokens * group_, rows_) : 0) {
    KVSIM_CHECK(shape.kv_heads > 0 && shape.q_heads % shape.kv_heads == 0, "heads form groups");
    KVSIM_CHECK(!shape.causal || prior_ >= 0, "a chunk is the end of its context");
    KVSIM_CHECK(shape.causal || shape.window == 0, "a window needs positions");
  }

  [[nodiscard]] std::int64_t row_tiles() const { return row_tiles_; }

  /// First key that a row of row tile `i` sees: that of its first row.
  [[nodiscard]] std::int64_t first_key(std::int64_t i) const {
    if (shape_.window == 0) return 0;
    return std::max<std::int64_t>(0, prior_ + i * rows_ / group_ + 1 - shape_.window);
  }
  /// One past the last key that a row of row tile `i` sees: that of its last row.
  [[nodiscard]] std::int64_t end_key(std::int64_t i) const {
    if (!shape_.causal) return chunk_.context_tokens;
    return prior_ + std::min(chunk_.query_tokens, ceil_div((i + 1) * rows_, group_));
  }

  /// Over all row tiles, the pieces [k keys, (k + 1) keys) that the keys they see touch: the sum
  /// of ceil(end_key / keys) - floor(first_key / keys). Roundings nest: floor(floor(x / a) / b) =
  /// floor(x / (a b)), and so for ceilings.
  [[nodiscard]] std::int64_t pieces(std::int64_t keys) const {
    if (row_tiles_ == 0) return 0;
    const std::int64_t last = ceil_div(chunk_.context_tokens, keys);
    if (!shape_.causal) return row_tiles_ * last;
    const std::int64_t m = keys * group_;
    const std::int64_t ends =
        floor_sum(row_tiles_ - 1, m, rows_, prior_ * group_ + rows_ + m - 1) + last;
    return ends - begins(m);
  }

  /// (query, key) pairs that the mask lets through, per query head.
  [[nodiscard]] double visible_pairs() const {
    const auto q = static_cast<double>(chunk_.query_tokens);
    const auto prior = static_cast<double>(prior_);
    if (!shape_.causal) return q * static_cast<double>(chunk_.context_tokens);
    const double all = q * prior + q * (q + 1) / 2;
    if (shape_.window == 0) return all;
    // Query i would see prior + i + 1 keys; what is beyond the window goes: 1 + 2 + ... + hidden.
    const auto hidden =
        static_cast<double>(std::max<std::int64_t>(0, chunk_.context_tokens - shape_.window));
    const double before = std::max(0.0, hidden - q);  // Hidden already from the first query.
    return all - (hidden * (hidden + 1) - before * (before + 1)) / 2;
  }

 private:
  /// The sum of floor(first_key group / m).
  [[nodiscard]] std::int64_t begins(std::int64_t m) const {
    if (shape_.window == 0) return 0;
    const std::int64_t offset = (prior_ + 1 - shape_.window) * group_;
    const std::int64_t skipped = offset < 0 ? ceil_div(-offset, rows_) : 0;  // They begin at 0.
    return floor_sum(row_tiles_ - skipped, m, rows_, offset + skipped * rows_);
  }

  const PrefillShape& shape_;
  const PrefillChunk& chunk_;
  std::int64_t group_;
  std::int64_t rows_;
  std::int64_t prior_;
  std::int64_t row_tiles_;
};

void add_row_tile(PrefillPlan& plan, const PrefillItem& whole, std::int64_t split_tiles) {
  const std::int64_t first = whole.tile_begin / split_tiles;
  const std::int64_t splits = ceil_div(whole.tile_end, split_tiles) - first;
  for (std::int64_t i = 0; i < splits; ++i) {
    const auto cut = static_cast<std::int32_t>((first + i) * split_tiles);
    PrefillItem item = whole;
    item.tile_begin = std::max(whole.tile_begin, cut);
    item.tile_end =
        static_cast<std::int32_t>(std::min<std::int64_t>(whole.tile_end, cut + split_tiles));
    item.split = static_cast<std::int32_t>(i);
    item.splits = static_cast<std::int32_t>(splits);
    item.slot = plan.slots;
    plan.items.push_back(item);
  }
  if (splits > 1) plan.slots += static_cast<std::int32_t>(splits);
}

}  // namespace

int prefill_rows(const PrefillShape& shape, std::span<const PrefillChunk> chunks) {
  const int group = shape.q_heads / shape.kv_heads;
  const bool fills = std::any_of(chunks.begin(), chunks.end(), [&](const PrefillChunk& chunk) {
    return chunk.query_tokens * group > 64;
  });
  return fills && shape.head_dim <= 128 ? 128 : 64;
}

std::int64_t prefill_split_tiles(const PrefillShape& shape, const PrefillTiling& tiling,
                                 std::span<const PrefillChunk> chunks) {
  std::int64_t row_tiles = 0;
  std::int64_t tiles = 0;
  std::int64_t longest = 1;
  for (const PrefillChunk& chunk : chunks) {
    const Geometry geometry(shape, tiling, chunk);
    row_tiles += geometry.row_tiles() * shape.kv_heads;
    tiles += geometry.pieces(tiling.kv_tokens) * shape.kv_heads;
    longest = std::max(longest, ceil_div(chunk.context_tokens, tiling.kv_tokens));
  }
  if (row_tiles >= tiling.resident) return longest;
  return std::min(longest,
                  std::max({ceil_div(tiles, tiling.resident), ceil_div(longest, tiling.most_splits),
                            static_cast<std::int64_t>(tiling.least_split_tiles)}));
}

PrefillPlan plan_prefill(const PrefillShape& shape, const PrefillTiling& tiling,
                         std::span<const PrefillChunk> chunks) {
  const std::int64_t split_tiles = prefill_split_tiles(shape, tiling, chunks);
  PrefillPlan plan;
  for (std::size_t s = 0; s < chunks.size(); ++s) {
    const Geometry geometry(shape, tiling, chunks[s]);
    for (int head = 0; head < shape.kv_heads; ++head) {
      for (std::int64_t i = 0; i < geometry.row_tiles(); ++i) {
        PrefillItem item;
        item.sequence = static_cast<std::int32_t>(s);
        item.kv_head = head;
        item.row_begin = static_cast<std::int32_t>(i * tiling.rows);
        item.tile_begin = static_cast<std::int32_t>(geometry.first_key(i) / tiling.kv_tokens);
        item.tile_end = static_cast<std::int32_t>(ceil_div(geometry.end_key(i), tiling.kv_tokens));
        add_row_tile(plan, item, split_tiles);
      }
    }
  }
  const auto tiles = [](const PrefillItem& item) { return item.tile_end - item.tile_begin; };
  std::stable_sort(plan.items.begin(), plan.items.end(),
                   [&](const auto& a, const auto& b) { return tiles(a) > tiles(b); });
  return plan;
}

PrefillFeatures prefill_features(const PrefillShape& shape, const PrefillTiling& tiling,
                                 std::span<const PrefillChunk> chunks) {
  const std::int64_t split_tokens = prefill_split_tiles(shape, tiling, chunks) * tiling.kv_tokens;
  const double token_bytes = 2.0 * shape.head_dim * shape.element_bytes;  // K and V, or q and o.
  PrefillFeatures sum;
  for (const PrefillChunk& chunk : chunks) {
    const Geometry geometry(shape, tiling, chunk);
    if (geometry.row_tiles() == 0) continue;
    sum.row_tiles += geometry.row_tiles() * shape.kv_heads;
    sum.items += geometry.pieces(split_tokens) * shape.kv_heads;
    sum.tiles += geometry.pieces(tiling.kv_tokens) * shape.kv_heads;
    sum.useful_flops += 4.0 * shape.head_dim * shape.q_heads * geometry.visible_pairs();
    const auto keys = static_cast<double>(chunk.context_tokens - geometry.first_key(0));
    const auto queries = static_cast<double>(chunk.query_tokens);
    sum.bytes += token_bytes * (keys * shape.kv_heads + queries * shape.q_heads);
  }
  const auto pair_tokens = static_cast<double>(sum.tiles * tiling.kv_tokens);
  sum.waves = ceil_div(sum.items, tiling.resident);
  sum.executed_flops = 4.0 * shape.head_dim * tiling.rows * pair_tokens;
  sum.tile_bytes = token_bytes * pair_tokens;
  return sum;
}

}  // namespace kvsim
