#pragma once
// A MemoryMap as a grid of few cells: a sample, every cell one block of several.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/model/memory_map.h"

namespace kvsim {

/// How all memory is cut into cells: each shows the first of `blocks_per_cell` blocks.
struct CellGrid {
  static constexpr std::int64_t kMostCells = 3072;
  std::int64_t blocks = 0;  ///< In all.
  std::int64_t blocks_per_cell = 1;
  std::int64_t first_block = 0;  ///< Its number.
  Tokens block{1};

  /// Of memory with these patches, taken `block` slots at a time. Blocks are numbered by their
  /// first slot: every `apart` slots.
  [[nodiscard]] static CellGrid over(const std::vector<MemoryMap::Patch>& patches, Tokens block,
                                     Tokens apart);
};

/// One entry (or letter) per cell.
struct MapCells {
  std::string spent;        ///< One of "URIECF": used, reserved, internal, external, cached, free.
  std::string users, hits;  ///< Base 36; z stands for 35 and more.
  std::vector<std::int64_t> owner;   ///< Request::id; -1: nobody.
  std::vector<std::int64_t> age_ms;  ///< Since the last use; -1: never cached.
};

/// Milliseconds since a tick of CacheEntry.
using AgeOf = std::function<std::int64_t(std::uint64_t tick)>;

[[nodiscard]] MapCells cells_of(const MemoryMap& map, const CellGrid& grid, const AgeOf& age_of);

/// -1 for nobody: what JSON can say of a Request::id.
[[nodiscard]] inline std::int64_t id_or_nobody(std::uint64_t request) {
  return request == kNoRequest ? -1 : static_cast<std::int64_t>(request);
}

}  // namespace kvsim
