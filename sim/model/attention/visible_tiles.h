#pragma once
// Which tiles of a sequence a query at its end can see, when it sees a window and sinks only.
//
// A tile is `tile` tokens from a multiple of `tile`. Of `length` tokens the query sees the last
// `window` (0: all) and the first `sinks` (StreamingLLM, arXiv 2309.17453). Plain arithmetic, for
// the planner and, as it is constexpr, for the kernels.

#include <cstdint>

namespace kvsim {

/// Visible tiles, numbered from 0 without the gap between sinks and window.
struct VisibleTiles {
  std::int32_t sink_tiles = 0;   ///< Tiles before the gap; 0 without a gap.
  std::int32_t window_tile = 0;  ///< The first tile after it.
  std::int32_t count = 0;

  /// The tile in the sequence that is visible tile `index`.
  [[nodiscard]] constexpr std::int32_t tile(std::int32_t index) const {
    return index < sink_tiles ? index : window_tile + index - sink_tiles;
  }
};

[[nodiscard]] constexpr bool is_visible(std::int32_t token, std::int32_t length,
                                        std::int32_t window, std::int32_t sinks) {
  return token < length && (window == 0 || token >= length - window || token < sinks);
}

[[nodiscard]] constexpr VisibleTiles visible_tiles(std::int32_t length, std::int32_t window,
                                                   std::int32_t sinks, std::int32_t tile) {
  const std::int32_t tiles = (length + tile - 1) / tile;
  if (window == 0 || length <= window) return {0, 0, tiles};
  const std::int32_t sink_tiles = (sinks + tile - 1) / tile;
  const std::int32_t window_tile = (length - window) / tile;
  if (sink_tiles >= window_tile) return {0, 0, tiles};
  return {sink_tiles, window_tile, sink_tiles + tiles - window_tile};
}

/// Tokens of [begin, end) that are visible.
[[nodiscard]] constexpr std::int32_t visible_tokens(std::int32_t begin, std::int32_t end,
                                                    std::int32_t length, std::int32_t window,
                                                    std::int32_t sinks) {
  const std::int32_t last = end < length ? end : length;
  if (last <= begin) return 0;
  const std::int32_t gap_begin = sinks < length ? sinks : length;
  const std::int32_t gap_end = window == 0 || length <= window ? 0 : length - window;
  const std::int32_t hidden_begin = gap_begin > begin ? gap_begin : begin;
  const std::int32_t hidden_end = gap_end < last ? gap_end : last;
  return last - begin - (hidden_end > hidden_begin ? hidden_end - hidden_begin : 0);
}

}  // namespace kvsim
