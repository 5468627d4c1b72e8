// The decode planner: laws over random batches, and its features against counting token by token.
#include "sim/model/attention/decode_plan.h"

#include <algorithm>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "sim/model/attention/list_schedule.h"
#include "sim/model/attention/visible_tiles.h"

namespace kvsim {
namespace {

// ---- what a query sees ----

TEST(VisibleTiles, EqualsCounting) {
  for (const int tile : {1, 4, 16}) {
    for (int length = 0; length < 70; ++length) {
      for (const int window : {0, 1, 7, 16, 40}) {
        for (const int sinks : {0, 1, 4, 20}) {
          std::set<int> expected;
          int tokens = 0;
          for (int token = 0; token < length; ++token) {
            if (window > 0 && token < length - window && token >= sinks) continue;
            ASSERT_TRUE(is_visible(token, length, window, sinks));
            expected.insert(token / tile);
            ++tokens;
          }
          const VisibleTiles tiles = visible_tiles(length, window, sinks, tile);
          std::set<int> actual;
          for (int i = 0; i < tiles.count; ++i) actual.insert(tiles.tile(i));
          // Where sinks and window meet in adjacent tiles nothing may be missing or twice.
          ASSERT_EQ(actual, expected) << length << " " << window << " " << sinks << " " << tile;
          ASSERT_EQ(static_cast<int>(actual.size()), tiles.count);
          ASSERT_EQ(visible_tokens(0, length + 3, length, window, sinks), tokens);
        }
      }
    }
  }
}

// ---- list scheduling ----

std::int64_t makespan_one_by_one(const std::vector<JobClass>& jobs, std::int64_t machines) {
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> loads;
  for (std::int64_t i = 0; i < machines; ++i) loads.push(0);
  std::int64_t most = 0;
  for (const auto& [size, count] : jobs) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t load = loads.top() + size;
      loads.pop();
      loads.push(load);
      most = std::max(most, load);
    }
  }
  return most;
}

TEST(ListSchedule, EqualsPlacingJobsOneByOne) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const auto pick = [&](int below) {
      return static_cast<std::int64_t>(random() % static_cast<unsigned>(below));
    };
    std::vector<JobClass> jobs(random() % 6);
    for (JobClass& job : jobs) job = {pick(20), pick(60)};
    const std::int64_t machines = 1 + pick(12);
    ASSERT_EQ(makespan(jobs, machines), makespan_one_by_one(jobs, machines)) << round;
  }
}

// ---- plans ----

DecodeShape llama() { return {32, 8, 128, 512, 16, 0, 0}; }  // Llama-3-8B, bf16.
DecodeDevice h200() { return {132 * 2, 64, 128, 2, 0.2}; }

struct Case {
  DecodeShape shape;
  DecodeDevice device;
  std::vector<std::int32_t> lengths;
};

Case random_case(std::mt19937& random) {
  const auto pick = [&](std::vector<std::int32_t> of) { return of[random() % of.size()]; };
  Case c{llama(), h200(), {}};
  c.shape.kv_heads = pick({1, 2, 8, 32});  // 32 query heads: of one KV head, two groups of 16.
  c.shape.page_tokens = pick({0, 8, 16, 64, 256});
  c.shape.window = pick({0, 0, 100, 512, 1000});
  c.shape.sinks = pick({0, 4, 64, 130});
  c.device.resident = pick({1, 7, 132, 264});
  c.device.tile_tokens = pick({32, 64, 128});
  c.device.max_splits = pick({1, 8, 128});
  const std::int32_t longest = pick({1, 65, 700, 5000, 40000});
  c.lengths.resize(random() % 40);
  for (std::int32_t& length : c.lengths)
    length = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(longest + 1));
  return c;
}

TEST(DecodePlan, CoversEveryVisibleTileOnceAndInOrder) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    const Case c = random_case(random);
    const DecodePlan plan = plan_decode(c.shape, c.device, c.lengths);
    std::set<std::int32_t> slots;
    std::map<std::tuple<int, int>, std::vector<WorkItem>> heads;
    for (const WorkItem& item : plan.items) heads[{item.sequence, item.head_group}].push_back(item);
    ASSERT_EQ(heads.size(),
              c.lengths.size() * static_cast<std::size_t>(std::max(2, c.shape.kv_heads)));
    for (auto& [key, items] : heads) {
      const auto sequence = static_cast<std::size_t>(std::get<0>(key));
      std::sort(items.begin(), items.end(),
                [](const auto& a, const auto& b) { return a.tile_begin < b.tile_begin; });
      const auto splits = static_cast<std::int32_t>(items.size());
      std::int32_t next_tile = 0;
      std::int32_t next_split = 0;
      std::int32_t least = items[0].tile_end - items[0].tile_begin;
      std::int32_t most = least;
      for (const WorkItem& item : items) {
        ASSERT_EQ(item.tile_begin, next_tile);
        next_tile = item.tile_end;
        least = std::min(least, item.tile_end - item.tile_begin);
        most = std::max(most, item.tile_end - item.tile_begin);
        ASSERT_EQ(item.length, c.lengths[sequence]);
        ASSERT_EQ(item.split, next_split++);
        ASSERT_EQ(item.splits, splits);
        ASSERT_EQ(item.first_slot, items[0].first_slot);
        if (splits == 1) continue;
        ASSERT_LT(item.tile_begin, item.tile_end);
        ASSERT_TRUE(slots.insert(item.slot()).second);
        ASSERT_LT(item.slot(), plan.slots);
      }
      ASSERT_EQ(next_tile, visible_tiles(c.lengths[sequence], c.shape.window, c.shape.sinks,
                                         c.device.tile_tokens)
                               .count);
      ASSERT_LE(most - least, 1);  // Equal chunks, in whole tiles.
      ASSERT_LE(splits, c.device.max_splits);
    }
    ASSERT_EQ(static_cast<std::int32_t>(slots.size()), plan.slots);
  }
}

/// Features counted from the items themselves, token by token.
DecodeFeatures counted(const Case& c, const DecodePlan& plan) {
  DecodeFeatures f;
  std::vector<JobClass> jobs;
  std::int64_t head_tokens = 0;
  for (const WorkItem& item : plan.items) {
    const std::int32_t length = item.length;
    f.max_splits = std::max<std::int64_t>(f.max_splits, item.splits);
    const VisibleTiles tiles =
        visible_tiles(length, c.shape.window, c.shape.sinks, c.device.tile_tokens);
    std::int64_t tokens = 0;
    for (std::int32_t t = item.tile_begin; t < item.tile_end; ++t)
      for (std::int32_t i = 0; i < c.device.tile_tokens; ++i)
        tokens += is_visible(tiles.tile(t) * c.device.tile_tokens + i, length, c.shape.window,
                             c.shape.sinks);
    head_tokens += tokens;
    jobs.push_back({tokens, 1});
  }
  EXPECT_TRUE(std::is_sorted(jobs.begin(), jobs.end(),
                             [](const auto& a, const auto& b) { return a.size > b.size; }));
  f.items = static_cast<std::int64_t>(plan.items.size());
  f.waves = (f.items + c.device.resident - 1) / c.device.resident;
  f.sequences = static_cast<std::int64_t>(c.lengths.size());
  f.makespan_bytes =
      static_cast<double>(makespan_one_by_one(jobs, c.device.resident)) * c.shape.kv_token_bytes;
  const std::int32_t groups = std::max(2, c.shape.kv_heads);
  f.tokens = head_tokens / groups;
  f.bytes = static_cast<double>(f.tokens * c.shape.kv_heads) * c.shape.kv_token_bytes;
  f.bytes += 2.0 * static_cast<double>(c.lengths.size()) * c.shape.q_heads * c.shape.head_dim * 2;
  f.bytes += 2.0 * plan.slots * (c.shape.q_heads / groups) * (c.shape.head_dim + 2) * 4;
  for (std::size_t s = 0; s < c.lengths.size(); ++s) {
    std::set<std::int32_t> pages;
    for (std::int32_t token = 0; token < c.lengths[s] && c.shape.page_tokens > 0; ++token)
      if (is_visible(token, c.lengths[s], c.shape.window, c.shape.sinks))
        pages.insert(token / c.shape.page_tokens);
    f.pages += static_cast<std::int64_t>(pages.size());
    f.bytes += static_cast<double>(pages.size()) * 4;
  }
  return f;
}

TEST(DecodePlan, FeaturesAreThoseOfTheItemsAndOfTheClasses) {
  std::mt19937 random(3);
  for (int round = 0; round < 150; ++round) {
    const Case c = random_case(random);
    const DecodePlan plan = plan_decode(c.shape, c.device, c.lengths);
    ASSERT_EQ(plan.features, counted(c, plan)) << round;
    std::vector<LengthClass> one_by_one;  // In the batch's order, lengths repeated.
    for (const std::int32_t length : c.lengths) one_by_one.push_back({length, 1});
    ASSERT_EQ(plan.features, decode_features(c.shape, c.device, one_by_one)) << round;
  }
}

TEST(DecodePlan, CutsQueryHeadsIntoTheFewestEqualGroups) {
  EXPECT_EQ(head_groups(32, 8), 8);
  EXPECT_EQ(head_groups(32, 32), 32);
  EXPECT_EQ(head_groups(16, 1), 1);
  EXPECT_EQ(head_groups(32, 1), 2);
  EXPECT_EQ(head_groups(48, 2), 4);   // 24 each: 12 and 12.
  EXPECT_EQ(head_groups(71, 1), 71);  // Falcon-7B: a prime number of heads.
}

TEST(DecodePlan, FillsTheDevice) {
  // One sequence of 32k: 512 tiles for each of 8 heads over 264 places. 32 chunks of 16 tiles give
  // 256 items: 97 % of the places in one wave.
  const std::vector<std::int32_t> one{32768};
  const DecodePlan plan = plan_decode(llama(), h200(), one);
  EXPECT_EQ(plan.features.waves, 1);
  EXPECT_GE(plan.features.items, 240);
  // Any batch with enough to do: nobody works more than a fifth longer than the mean.
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int32_t> lengths(1 + random() % 200);
    for (std::int32_t& length : lengths) length = 2048 + static_cast<int>(random() % 30000);
    if (round % 3 == 0) lengths.front() = 131072;  // One of them far longer.
    const DecodeFeatures f = plan_decode(llama(), h200(), lengths).features;
    const double mean = static_cast<double>(f.tokens) * 8 * 512 / 264;
    if (f.tokens * 8 / 64 / 264 < 16) continue;  // Under 16 tiles each, overheads decide.
    ASSERT_LE(f.makespan_bytes, 1.2 * mean) << round << ": " << lengths.size() << " sequences";
  }
}

TEST(DecodePlan, DoesNotCutWhatIsShort) {
  const std::vector<std::int32_t> lengths(4, 60);
  const DecodePlan plan = plan_decode(llama(), h200(), lengths);
  EXPECT_EQ(plan.features.max_splits, 1);
  EXPECT_EQ(plan.slots, 0);
  EXPECT_TRUE(plan_decode(llama(), h200(), {}).items.empty());
}

TEST(DecodePlan, WindowCostsWhatAShortContextCosts) {
  DecodeShape windowed = llama();
  windowed.window = 1024;
  windowed.sinks = 64;
  const std::vector<std::int32_t> lengths(16, 64 * 500);  // Window and sinks begin at tiles.
  const std::vector<std::int32_t> shorter(16, 1024 + 64);
  EXPECT_EQ(plan_decode(windowed, h200(), lengths).features,
            plan_decode(llama(), h200(), shorter).features);
}

}  // namespace
}  // namespace kvsim
