#pragma once
// One thread block's share of a decode step; see decode_plan.h. Apart from it, for the kernels.

#include <cstdint>

namespace kvsim {

/// Tiles [tile_begin, tile_end) of the sequence's VisibleTiles, under one group of query
/// heads. All that a block
/// must know before it can ask for keys, in two vector loads: memory answers once per 0.6 us.
struct alignas(16) WorkItem {
  std::int32_t sequence = 0;
  std::int32_t head_group = 0;
  std::int32_t length = 0;  ///< Of the sequence, in tokens.
  std::int32_t tile_begin = 0;
  std::int32_t tile_end = 0;    ///< == tile_begin: an empty sequence, its output is zero.
  std::int32_t split = 0;       ///< Which chunk of the sequence this is,
  std::int32_t splits = 1;      ///< of how many.
  std::int32_t first_slot = 0;  ///< Of the chunks' partial results; of no meaning if splits == 1.

  [[nodiscard]] constexpr std::int32_t slot() const { return first_slot + split; }
};

}  // namespace kvsim
