#pragma once
// How the attention of one decode step is cut into blocks of work (split-KV).
//
// One work item is a run of tiles of one sequence under one group of query heads; a thread block
// does it. All sequences are cut into equal chunks, so that the items fill the device evenly:
// Flash-Decoding with planned instead of fixed splits, as FlashInfer's scheduler (arXiv 2501.01005,
// section 3.3.1). The kernels run this list; the cost model prices it from its features. Host only,
// no device.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/model/attention/work_item.h"

namespace kvsim {

/// Query heads that a block takes at most, all of one KV head: the rows of an m16 product.
inline constexpr std::int32_t kMaxHeadGroup = 16;

/// Groups that query heads are cut into: one per KV head, or the fewest equal ones that are small
/// enough; those read the same K and V, the later ones from L2.
[[nodiscard]] constexpr std::int32_t head_groups(std::int32_t q_heads, std::int32_t kv_heads) {
  std::int32_t groups = kv_heads;
  while (q_heads % groups != 0 || q_heads / groups > kMaxHeadGroup) groups += kv_heads;
  return groups;
}

/// What attention is computed over.
struct DecodeShape {
  std::int32_t q_heads = 0;
  std::int32_t kv_heads = 0;  ///< Divides q_heads.
  std::int32_t head_dim = 0;
  std::int32_t kv_token_bytes = 0;  ///< K and V of one token of one KV head, with their scales.
  std::int32_t page_tokens = 0;     ///< 0: contiguous, there is no table.
  std::int32_t window = 0;          ///< Tokens visible at the end; 0: all.
  std::int32_t sinks = 0;           ///< Tokens visible at the start as well.
};

/// What it runs on. The two overheads, in tiles, decide how finely it pays to cut; they are
/// estimates until a GPU has been measured.
struct DecodeDevice {
  std::int32_t resident = 0;  ///< Blocks that run at once, on the whole device.
  std::int32_t tile_tokens = 64;
  std::int32_t max_splits = 128;
  double item_overhead = 2;     ///< A block's start and end, its pipeline filling.
  double split_overhead = 0.2;  ///< One more partial result to merge.
};

/// What a plan costs is told by these.
struct DecodeFeatures {
  double bytes = 0;           ///< Moved in all: KV, scales, q, out, table, partial results.
  double makespan_bytes = 0;  ///< K and V read by the busiest of the resident blocks' places.
  std::int64_t items = 0;
  std::int64_t waves = 0;  ///< ceil(items / resident)
  std::int64_t max_splits = 0;
  std::int64_t sequences = 0;
  std::int64_t tokens = 0;  ///< Visible, summed over sequences.
  std::int64_t pages = 0;   ///< That hold them.

  friend bool operator==(const DecodeFeatures&, const DecodeFeatures&) = default;
};

struct DecodePlan {
  std::vector<WorkItem> items;  ///< Longest first; then by sequence, head group, tiles.
  std::int32_t slots = 0;       ///< Partial results, of the sequences that are cut.
  DecodeFeatures features;
};

/// So many sequences of one length.
struct LengthClass {
  std::int32_t length = 0;
  std::int64_t count = 0;
};

[[nodiscard]] DecodePlan plan_decode(const DecodeShape& shape, const DecodeDevice& device,
                                     std::span<const std::int32_t> lengths);

/// The features of the plan for those sequences, without making it: the cost follows the number of
/// classes and the chunks of one sequence of each. The order and repetition of classes are free.
[[nodiscard]] DecodeFeatures decode_features(const DecodeShape& shape, const DecodeDevice& device,
                                             std::span<const LengthClass> classes);

}  // namespace kvsim
