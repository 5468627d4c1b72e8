#pragma once
// Swapping blocks between a GPU and pinned host memory (cudaHostAlloc, mapped), three ways. Each
// queues its work on a stream that is not the null stream. What they queue is planned by
// copy_plan.h and copied by block_copy.h. On the CPU machine memcpy stands for the copy engines.
//
//   batch    one call, a copy engine works off the pieces: nothing of the GPU's multiprocessors
//   gather   a kernel reads or writes host memory directly: small blocks, at the price of a few
//            multiprocessors. It is launch_block_copy with kSwapBlocks.
//   staged   a kernel packs, one large copy moves the rest at full speed; needs a buffer

#include <span>

#include "kernels/copy/block_copy.h"
#include "kernels/copy/copy_plan.h"

namespace kvsim {

/// Thread blocks of a gather: 16 KB each in flight cover 64 GB/s times several us of PCIe latency.
inline constexpr int kSwapBlocks = 32;

void swap_by_batch(std::span<const CopyPiece> pieces, gpu::Stream stream);

struct StagingBuffers {
  void* device = nullptr;
  void* host = nullptr;
  std::size_t bytes = 0;
};
/// `pack` gathers into staging.device, which then goes to staging.host.
void swap_out_staged(const BlockCopyArgs& pack, const StagingBuffers& staging, gpu::Stream stream);
/// staging.host goes to staging.device, which `unpack` then scatters.
void swap_in_staged(const BlockCopyArgs& unpack, const StagingBuffers& staging, gpu::Stream stream);

}  // namespace kvsim
