#pragma once
// Block copy in units of 16 KB, which is 4 loads of 16 bytes in flight per thread. A multiprocessor
// holds 8 such thread blocks: 128 KB in flight, twice what covers the memory's latency.

#include <algorithm>
#include <cstdint>

#include "kernels/copy/block_copy.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {

inline constexpr int kCopyThreads = 256;
inline constexpr int kCopyLoads = 4;
inline constexpr std::int64_t kCopyStride = std::int64_t{kCopyThreads} * 16;
inline constexpr std::int64_t kCopyUnitBytes = kCopyLoads * kCopyStride;

/// Copies `bytes`, but at most a unit.
KVSIM_DEVICE void copy_unit(const char* from, char* to, std::int64_t bytes) {
  gpu::Vec16 loaded[kCopyLoads];
  const std::int64_t first = static_cast<std::int64_t>(gpu::thread()) * 16;
  KVSIM_UNROLL
  for (int i = 0; i < kCopyLoads; ++i) {
    const std::int64_t at = first + i * kCopyStride;
    if (at < bytes) loaded[i] = gpu::load16_once(from + at);
  }
  KVSIM_UNROLL
  for (int i = 0; i < kCopyLoads; ++i) {
    const std::int64_t at = first + i * kCopyStride;
    if (at < bytes) gpu::store16(to + at, loaded[i]);
  }
}

/// `units`: of the largest block.
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kCopyThreads, 8) block_copy(BlockCopyArgs args, int units) {
  const std::int64_t all = static_cast<std::int64_t>(args.pool_count) * args.pair_count * units;
  for (std::int64_t i = gpu::block_x(); i < all; i += gpu::blocks_x()) {
    const std::int64_t copy = i / units;
    const std::int64_t begin = i % units * kCopyUnitBytes;
    const CopyPool& pool = args.pools[copy / args.pair_count];
    const BlockPair pair = args.pairs[copy % args.pair_count];
    copy_unit(static_cast<const char*>(pool.from) + pair.from * pool.from_stride + begin,
              static_cast<char*>(pool.to) + pair.to * pool.to_stride + begin,
              pool.block_bytes - begin);
  }
}

void launch_block_copy(const BlockCopyArgs& args, int max_blocks, gpu::Stream stream) {
  const std::int64_t units = (args.largest_block_bytes + kCopyUnitBytes - 1) / kCopyUnitBytes;
  const std::int64_t all = units * args.pool_count * args.pair_count;
  if (all == 0) return;
  const auto blocks = static_cast<int>(std::min<std::int64_t>(all, max_blocks));
  gpu::launch(&block_copy, {{blocks, 1, 1}, kCopyThreads, 0, stream}, args,
              static_cast<int>(units));
}

}  // namespace kvsim
