#pragma once
// Copying whole blocks of a KV cache in one launch, for a host: copy-on-write inside the pools, a
// swap to pinned host memory and back, or packing into a staging buffer. They differ in pointers.

#include <cstdint>

#include "kernels/gpu/launch.h"

namespace kvsim {

/// Block `from` is copied to block `to`.
struct BlockPair {
  std::int32_t from = 0;
  std::int32_t to = 0;
};

/// An array of blocks on each side: K or V or their scales, of one layer. Addresses and bytes are
/// multiples of 16. Copy-on-write has the same array on both sides.
struct CopyPool {
  const void* from = nullptr;
  void* to = nullptr;
  std::int64_t block_bytes = 0;
  std::int64_t from_stride = 0;  ///< Bytes from one block to the next, at least block_bytes.
  std::int64_t to_stride = 0;
};

struct BlockCopyArgs {
  const CopyPool* pools = nullptr;   ///< [pool_count]; the kernel reads it, and the pairs
  const BlockPair* pairs = nullptr;  ///< [pair_count]; copy_plan.h checks them
  std::int32_t pool_count = 0;
  std::int32_t pair_count = 0;
  std::int64_t largest_block_bytes = 0;  ///< Of any pool.
};

inline constexpr int kAsManyAsFit = 1 << 30;

/// Queues the copy of every pair in every pool. `max_blocks`: thread blocks at most; a copy over
/// PCIe needs a few dozen and should leave the rest of the GPU alone.
void launch_block_copy(const BlockCopyArgs& args, int max_blocks, gpu::Stream stream);

}  // namespace kvsim
