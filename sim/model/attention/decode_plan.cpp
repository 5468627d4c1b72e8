#include "sim/model/attention/decode_plan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "sim/core/check.h"
#include "sim/model/attention/list_schedule.h"
#include "sim/model/attention/visible_tiles.h"

namespace kvsim {
namespace {

constexpr std::int64_t kMaxWaves = 4;  // Beyond, a wave more or less no longer matters.
constexpr std::int64_t kFloatBytes = 4;
constexpr std::int64_t kQueryBytes = 2;
constexpr std::int64_t kTableEntryBytes = 4;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// `count` sequences, each of so many visible tiles.
struct TileClass {
  std::int32_t length = 0;
  std::int64_t tiles = 0;
  std::int64_t count = 0;
};

VisibleTiles tiles_of(const DecodeShape& shape, const DecodeDevice& device, std::int32_t length) {
  return visible_tiles(length, shape.window, shape.sinks, device.tile_tokens);
}

/// Where chunk `index` of `chunks` begins: sizes differ by one tile at most, longer ones first.
std::int32_t chunk_begin(std::int64_t tiles, std::int64_t chunks, std::int64_t index) {
  return static_cast<std::int32_t>(tiles / chunks * index + std::min(index, tiles % chunks));
}

std::int64_t chunks_of(std::int64_t tiles, std::int64_t chunk) {
  return std::max<std::int64_t>(1, ceil_div(tiles, chunk));
}

/// The size, in tiles, that no chunk exceeds.
class ChunkChoice {
 public:
  ChunkChoice(const DecodeShape& shape, const DecodeDevice& device,
              std::span<const TileClass> classes)
      : groups_(head_groups(shape.q_heads, shape.kv_heads)), device_(device), classes_(classes) {
    for (const TileClass& each : classes) {
      longest_ = std::max(longest_, each.tiles);
      total_ += each.tiles * each.count * groups_;
    }
    smallest_ = std::max<std::int64_t>(1, ceil_div(longest_, device.max_splits));
    longest_ = std::max(longest_, smallest_);
  }

  /// The cheapest of: chunks that just fill one, two, ... waves, and powers of two.
  [[nodiscard]] std::int64_t best() const {
    std::int64_t best = longest_;
    double least = estimate(best);
    const auto consider = [&](std::int64_t chunk) {
      const double cost = estimate(chunk);
      if (cost < least || (cost == least && chunk > best)) {
        least = cost;
        best = chunk;
      }
    };
    for (std::int64_t chunk = smallest_; chunk < longest_; chunk *= 2) consider(chunk);
    for (std::int64_t waves = 1; waves <= kMaxWaves; ++waves)
      if (items(longest_) <= waves * device_.resident) consider(filling(waves));
    return best;
  }

 private:
  [[nodiscard]] std::int64_t items(std::int64_t chunk) const {
    std::int64_t sum = 0;
    for (const TileClass& each : classes_) sum += each.count * chunks_of(each.tiles, chunk);
    return sum * groups_;
  }

  /// The smallest chunk with at most so many waves. Requires that the longest has.
  [[nodiscard]] std::int64_t filling(std::int64_t waves) const {
    std::int64_t low = smallest_;
    std::int64_t high = longest_;
    while (low < high) {
      const std::int64_t middle = (low + high) / 2;
      if (items(middle) <= waves * device_.resident) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return high;
  }

  /// Tiles' time until the last item is done: the lesser of two bounds of list scheduling (all
  /// items as long as the longest; Graham's mean + longest), and the overheads.
  [[nodiscard]] double estimate(std::int64_t chunk) const {
    const auto resident = static_cast<double>(device_.resident);
    const auto size = static_cast<double>(chunk);
    const double waves = std::ceil(static_cast<double>(items(chunk)) / resident);
    const double busy = std::min(waves * size, static_cast<double>(total_) / resident + size);
    const auto splits = static_cast<double>(chunks_of(longest_, chunk));
    const double merge = splits > 1 ? device_.split_overhead * splits : 0;
    return busy + device_.item_overhead * waves + merge;
  }

  std::int64_t groups_;
  const DecodeDevice& device_;
  std::span<const TileClass> classes_;
  std::int64_t longest_ = 1;
  std::int64_t smallest_ = 1;
  std::int64_t total_ = 0;
};

/// Visible tokens of tiles [begin, end) of the visible ones.
std::int64_t tokens_in(const DecodeShape& shape, const DecodeDevice& device, std::int32_t length,
                       std::int32_t begin, std::int32_t end) {
  const VisibleTiles tiles = tiles_of(shape, device, length);
  const auto tokens = [&](std::int32_t first, std::int32_t last) -> std::int64_t {
    if (last <= first) return 0;
    return visible_tokens(tiles.tile(first) * device.tile_tokens,
                          (tiles.tile(last - 1) + 1) * device.tile_tokens, length, shape.window,
                          shape.sinks);
  };
  const std::int32_t gap = std::clamp(tiles.sink_tiles, begin, end);
  return tokens(begin, gap) + tokens(gap, end);
}

/// Pages that hold a visible token.
std::int64_t pages_of(const DecodeShape& shape, std::int32_t length) {
  if (shape.page_tokens == 0) return 0;
  return visible_tiles(length, shape.window, shape.sinks, shape.page_tokens).count;
}

std::vector<TileClass> by_tiles(const DecodeShape& shape, const DecodeDevice& device,
                                std::span<const LengthClass> lengths) {
  KVSIM_CHECK(device.resident > 0 && device.tile_tokens > 0 && device.max_splits > 0 &&
                  shape.kv_heads > 0 && shape.q_heads > 0 && shape.q_heads % shape.kv_heads == 0,
              "a shape and a device that exist");
  std::vector<TileClass> classes;
  classes.reserve(lengths.size());
  for (const auto& [length, count] : lengths) {
    KVSIM_CHECK(length >= 0 && count >= 0, "lengths are not negative");
    if (count > 0) classes.push_back({length, tiles_of(shape, device, length).count, count});
  }
  return classes;
}

DecodeFeatures features_of(const DecodeShape& shape, const DecodeDevice& device,
                           std::span<const TileClass> classes, std::int64_t chunk) {
  const std::int64_t groups = head_groups(shape.q_heads, shape.kv_heads);
  DecodeFeatures features;
  std::int64_t partials = 0;
  std::map<std::int64_t, std::int64_t, std::greater<>> items;  // How many of each size in tokens.
  for (const auto& [length, tiles, count] : classes) {
    const std::int64_t chunks = chunks_of(tiles, chunk);
    for (std::int64_t i = 0; i < chunks; ++i) {
      const std::int64_t tokens = tokens_in(shape, device, length, chunk_begin(tiles, chunks, i),
                                            chunk_begin(tiles, chunks, i + 1));
      items[tokens] += count * groups;
      features.tokens += count * tokens;
    }
    features.items += count * chunks * groups;
    features.max_splits = std::max(features.max_splits, chunks);
    features.sequences += count;
    features.pages += count * pages_of(shape, length);
    if (chunks > 1) partials += count * chunks * shape.q_heads;
  }
  std::vector<JobClass> jobs;
  jobs.reserve(items.size());
  for (const auto& [tokens, count] : items) jobs.push_back({tokens, count});
  features.waves = ceil_div(features.items, device.resident);
  features.makespan_bytes =
      static_cast<double>(makespan(jobs, device.resident) * shape.kv_token_bytes);
  const std::int64_t heads_and_dims = std::int64_t{shape.q_heads} * shape.head_dim;
  const std::int64_t kv = features.tokens * shape.kv_heads * shape.kv_token_bytes;
  const std::int64_t query_and_out = 2 * features.sequences * heads_and_dims * kQueryBytes;
  const std::int64_t merge = 2 * partials * (shape.head_dim + 2) * kFloatBytes;
  features.bytes =
      static_cast<double>(kv + query_and_out + features.pages * kTableEntryBytes + merge);
  return features;
}

std::vector<LengthClass> classes_of(std::span<const std::int32_t> lengths) {
  std::map<std::int32_t, std::int64_t> counts;
  for (const std::int32_t length : lengths) ++counts[length];
  std::vector<LengthClass> classes;
  classes.reserve(counts.size());
  for (const auto& [length, count] : counts) classes.push_back({length, count});
  return classes;
}

/// Longest first: what starts last should be short. Stable, so equal items keep their order.
void sort_longest_first(const DecodeShape& shape, const DecodeDevice& device,
                        std::vector<WorkItem>& items) {
  std::vector<std::pair<std::int64_t, WorkItem>> keyed;
  keyed.reserve(items.size());
  for (const WorkItem& item : items)
    keyed.emplace_back(tokens_in(shape, device, item.length, item.tile_begin, item.tile_end), item);
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::transform(keyed.begin(), keyed.end(), items.begin(),
                 [](const auto& each) { return each.second; });
}

}  // namespace

DecodePlan plan_decode(const DecodeShape& shape, const DecodeDevice& device,
                       std::span<const std::int32_t> lengths) {
  const std::vector<TileClass> classes = by_tiles(shape, device, classes_of(lengths));
  const std::int64_t chunk = ChunkChoice(shape, device, classes).best();
  const std::int32_t groups = head_groups(shape.q_heads, shape.kv_heads);
  DecodePlan plan;
  plan.features = features_of(shape, device, classes, chunk);
  plan.items.reserve(static_cast<std::size_t>(plan.features.items));
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    const std::int64_t tiles = tiles_of(shape, device, lengths[s]).count;
    const auto chunks = static_cast<std::int32_t>(chunks_of(tiles, chunk));
    for (std::int32_t group = 0; group < groups; ++group) {
      for (std::int32_t i = 0; i < chunks; ++i)
        plan.items.push_back({static_cast<std::int32_t>(s), group, lengths[s],
                              chunk_begin(tiles, chunks, i), chunk_begin(tiles, chunks, i + 1), i,
                              chunks, plan.slots});
      if (chunks > 1) plan.slots += chunks;
    }
  }
  sort_longest_first(shape, device, plan.items);
  return plan;
}

DecodeFeatures decode_features(const DecodeShape& shape, const DecodeDevice& device,
                               std::span<const LengthClass> classes) {
  const std::vector<TileClass> tiles = by_tiles(shape, device, classes);
  return features_of(shape, device, tiles, ChunkChoice(shape, device, tiles).best());
}

}  // namespace kvsim
