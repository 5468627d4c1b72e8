#pragma once
// Planning copies of blocks on the host, in plain C++: whether they may run at once, the fewest
// stretches of memory they make, and how they pass through a staging buffer.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/copy/block_copy.h"

namespace kvsim {

/// Throws std::invalid_argument if the result would depend on the order of the copies: a block is
/// written twice or, within one pool, read and written.
void check_block_pairs(std::span<const BlockPair> pairs, bool same_pool);

/// A stretch of memory to copy.
struct CopyPiece {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
};

/// Every pair in every pool as the fewest pieces: neighbours on both sides are one. In ascending
/// order of `from`; O(n log n) in pairs times pools.
[[nodiscard]] std::vector<CopyPiece> copy_pieces(std::span<const BlockPair> pairs,
                                                 std::span<const CopyPool> pools);

/// A copy into or out of a staging buffer, where the blocks of the pairs lie in order, and all
/// pools' parts of a block one after another: a block of any number of layers is one piece.
struct StagedCopy {
  std::vector<CopyPool> pools;
  std::vector<BlockPair> pairs;
  std::size_t bytes = 0;  ///< Of the buffer.
};

/// Gathers the pairs' `from` blocks.
[[nodiscard]] StagedCopy pack_blocks(std::span<const BlockPair> pairs,
                                     std::span<const CopyPool> pools, void* staging);
/// Scatters to the pairs' `to` blocks.
[[nodiscard]] StagedCopy unpack_blocks(std::span<const BlockPair> pairs,
                                       std::span<const CopyPool> pools, const void* staging);

}  // namespace kvsim
