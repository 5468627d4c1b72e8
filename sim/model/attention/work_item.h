#pragma once
// One thread block's share of a decode step; see decode_plan.h. Apart from it, for the kernels.

#include <cstdint>

namespace kvsim {

/// Tiles [tile_begin, tile_end) of the sequence's VisibleTiles.
struct WorkItem {
  std::int32_t sequence = 0;
  std::int32_t kv_head = 0;
  std::int32_t tile_begin = 0;
  std::int32_t tile_end = 0;  ///< == tile_begin: an empty sequence, its output is zero.
  std::int32_t slot = 0;      ///< Of its partial result; kNoSlot: it is the whole result.
};
inline constexpr std::int32_t kNoSlot = -1;

}  // namespace kvsim
