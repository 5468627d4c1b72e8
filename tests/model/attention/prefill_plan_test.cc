// The prefill planner against brute force: every (row tile, KV tile) that the mask touches exactly
// once, and features equal to what a loop over rows and keys counts.
#include "sim/model/attention/prefill_plan.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

struct Case {
  PrefillShape shape;
  PrefillTiling tiling;
  std::vector<PrefillChunk> chunks;
};

/// The mask by its definition: does query `token` of the chunk see `key`?
bool sees(const PrefillShape& shape, const PrefillChunk& chunk, std::int64_t token,
          std::int64_t key) {
  const std::int64_t position = chunk.context_tokens - chunk.query_tokens + token;
  if (!shape.causal) return key < chunk.context_tokens;
  return key <= position && (shape.window == 0 || key > position - shape.window);
}

using Pair = std::tuple<int, int, int, int>;  // Sequence, KV head, first row, KV tile.

struct Counted {
  std::set<Pair> pairs;  // That hold a visible (row, key).
  double visible = 0;    // (row, key), over all KV heads.
  std::int64_t row_tiles = 0;
  std::int64_t visible_keys = 0;  // Over all KV heads: seen by some query.
  std::int64_t queries = 0;
};

Counted count(const Case& c) {
  Counted counted;
  const int group = c.shape.q_heads / c.shape.kv_heads;
  for (std::size_t s = 0; s < c.chunks.size(); ++s) {
    const PrefillChunk& chunk = c.chunks[s];
    std::set<std::int64_t> keys;
    std::set<std::int64_t> row_tiles;
    for (std::int64_t row = 0; row < chunk.query_tokens * group; ++row) {
      for (std::int64_t key = 0; key < chunk.context_tokens; ++key) {
        if (!sees(c.shape, chunk, row / group, key)) continue;
        const auto row_begin = static_cast<int>(row / c.tiling.rows * c.tiling.rows);
        keys.insert(key);
        row_tiles.insert(row_begin);
        counted.visible += c.shape.kv_heads;
        for (int head = 0; head < c.shape.kv_heads; ++head)
          counted.pairs.insert(
              {static_cast<int>(s), head, row_begin, static_cast<int>(key / c.tiling.kv_tokens)});
      }
    }
    counted.visible_keys += static_cast<std::int64_t>(keys.size()) * c.shape.kv_heads;
    counted.row_tiles += static_cast<std::int64_t>(row_tiles.size()) * c.shape.kv_heads;
    if (!keys.empty()) counted.queries += chunk.query_tokens;
  }
  return counted;
}

Case random_case(std::mt19937& random) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Case c;
  c.shape.kv_heads = 1 + below(3);
  c.shape.q_heads = c.shape.kv_heads * (1 + below(16));
  c.shape.head_dim = 64 << below(3);
  c.shape.causal = below(4) != 0;
  c.shape.window = c.shape.causal && below(2) == 0 ? 1 + below(200) : 0;
  c.tiling.rows = 64 << below(2);
  c.tiling.kv_tokens = 32 << below(2);
  c.tiling.resident = 1 + below(60);
  c.tiling.least_split_tiles = 1 + below(4);
  c.tiling.most_splits = 1 + below(8);
  c.chunks.resize(static_cast<std::size_t>(below(4)));
  for (PrefillChunk& chunk : c.chunks) chunk = {below(60), 0};
  for (PrefillChunk& chunk : c.chunks)
    chunk.context_tokens = below(300) + (c.shape.causal ? chunk.query_tokens : 0);
  return c;
}

void expect_plan_is_the_mask(const Case& c, const Counted& counted) {
  const PrefillPlan plan = plan_prefill(c.shape, c.tiling, c.chunks);
  std::set<Pair> pairs;
  std::map<int, int> parts_in_slot;
  std::map<std::tuple<int, int, int>, std::vector<PrefillItem>> row_tiles;
  int longest = 1 << 30;
  for (const PrefillItem& item : plan.items) {
    EXPECT_LE(item.tile_end - item.tile_begin, longest);  // Longest first.
    longest = item.tile_end - item.tile_begin;
    for (int tile = item.tile_begin; tile < item.tile_end; ++tile)
      EXPECT_TRUE(pairs.insert({item.sequence, item.kv_head, item.row_begin, tile}).second);
    row_tiles[{item.sequence, item.kv_head, item.row_begin}].push_back(item);
    if (item.splits > 1) ++parts_in_slot[item.slot + item.split];
  }
  EXPECT_EQ(pairs, counted.pairs);
  EXPECT_EQ(static_cast<int>(parts_in_slot.size()), plan.slots);  // All used, by one part each.
  for (const auto& [slot, parts] : parts_in_slot) {
    EXPECT_EQ(parts, 1);
    EXPECT_LT(slot, plan.slots);
  }
  for (auto& [where, parts] : row_tiles) {
    std::sort(parts.begin(), parts.end(),
              [](const auto& a, const auto& b) { return a.split < b.split; });
    for (std::size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(parts[i].split, static_cast<int>(i));
      EXPECT_EQ(parts[i].splits, static_cast<int>(parts.size()));
      EXPECT_EQ(parts[i].slot, parts[0].slot);
      if (i > 0) {
        EXPECT_EQ(parts[i].tile_begin, parts[i - 1].tile_end);
      }
    }
  }
}

void expect_features_are_counts(const Case& c, const Counted& counted) {
  const PrefillFeatures f = prefill_features(c.shape, c.tiling, c.chunks);
  const PrefillPlan plan = plan_prefill(c.shape, c.tiling, c.chunks);
  const auto pairs = static_cast<double>(counted.pairs.size());
  EXPECT_EQ(f.items, static_cast<std::int64_t>(plan.items.size()));
  EXPECT_EQ(f.waves, (f.items + c.tiling.resident - 1) / c.tiling.resident);
  EXPECT_EQ(f.row_tiles, counted.row_tiles);
  EXPECT_EQ(f.tiles, static_cast<std::int64_t>(counted.pairs.size()));
  EXPECT_EQ(f.executed_flops, pairs * c.tiling.rows * c.tiling.kv_tokens * 4 * c.shape.head_dim);
  EXPECT_EQ(f.useful_flops, counted.visible * 4 * c.shape.head_dim);
  EXPECT_GE(f.executed_flops, f.useful_flops);
  const double vector_bytes = static_cast<double>(c.shape.head_dim) * c.shape.element_bytes;
  EXPECT_EQ(f.bytes,
            vector_bytes * 2 *
                static_cast<double>(counted.visible_keys + counted.queries * c.shape.q_heads));
  EXPECT_EQ(f.tile_bytes, pairs * c.tiling.kv_tokens * vector_bytes * 2);
}

TEST(PrefillPlan, CoversTheMaskOnceAndCountsIt) {
  std::mt19937 random(1);
  for (int i = 0; i < repetitions(400) && !testing::Test::HasFailure(); ++i) {
    const Case c = random_case(random);
    SCOPED_TRACE(testing::Message()
                 << "case " << i << ": heads " << c.shape.q_heads << "/" << c.shape.kv_heads
                 << " window " << c.shape.window << " rows " << c.tiling.rows);
    const Counted counted = count(c);
    expect_plan_is_the_mask(c, counted);
    expect_features_are_counts(c, counted);
  }
}

// Llama-3-8B heads (32/8), a fresh prompt of 2,048 tokens, tiles of 128 rows (32 tokens) by 64
// keys: row tile i ends at key 32 (i + 1), so it visits ceil((i + 1) / 2) KV tiles; over i < 64
// that is 2 (1 + ... + 32) = 1,056, times 8 KV heads.
TEST(PrefillPlan, WorkedExampleOfAFreshPrompt) {
  const PrefillShape shape{32, 8, 128};
  const std::vector<PrefillChunk> chunks{{2048, 2048}};
  const PrefillFeatures f = prefill_features(shape, {}, chunks);
  EXPECT_EQ(prefill_rows(shape, chunks), 128);
  EXPECT_EQ(f.row_tiles, 64 * 8);
  EXPECT_EQ(f.items, 64 * 8);  // Enough to fill the device: no splits.
  EXPECT_EQ(f.tiles, 1056 * 8);
  EXPECT_EQ(f.waves, 2);  // 512 on 264.
  EXPECT_EQ(f.executed_flops, 1056. * 8 * 128 * 64 * 4 * 128);
  EXPECT_EQ(f.useful_flops, 4. * 128 * 32 * (2048. * 2049 / 2));
}

// The last 16 tokens of 131,072 with the same heads: one row tile per KV head, 8 blocks for 264
// places. 8 x 2,048 tiles / 264 = 62.1, but at most 32 splits: 64 tiles each, 256 blocks.
TEST(PrefillPlan, SplitsALongContextOverTheDevice) {
  const PrefillShape shape{32, 8, 128};
  const std::vector<PrefillChunk> chunks{{16, 131072}};
  PrefillTiling tiling;
  tiling.rows = prefill_rows(shape, chunks);
  EXPECT_EQ(tiling.rows, 64);
  EXPECT_EQ(prefill_split_tiles(shape, tiling, chunks), 64);
  const PrefillPlan plan = plan_prefill(shape, tiling, chunks);
  EXPECT_EQ(plan.items.size(), 256u);
  EXPECT_EQ(plan.slots, 256);
  EXPECT_EQ(prefill_features(shape, tiling, chunks).waves, 1);
}

// A chunk of a million tokens costs what one of a thousand does; nothing overflows.
TEST(PrefillPlan, CountsLongContextsInClosedForm) {
  const PrefillShape shape{128, 8, 128};
  const std::vector<PrefillChunk> chunks{{1 << 20, 1 << 24}};
  const PrefillFeatures f = prefill_features(shape, {}, chunks);
  // Sixteen heads: eight tokens per row tile, eight row tiles per KV tile.
  const double prior_tiles = (16. - 1) * (1 << 14);
  const double own_tiles = (1 << 14) * ((1 << 14) + 1.) / 2;
  EXPECT_EQ(static_cast<double>(f.tiles), 8. * ((1 << 17) * prior_tiles + 8. * own_tiles));
}

}  // namespace
}  // namespace kvsim
