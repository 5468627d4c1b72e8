// The CPU side: memcpy is the copy engine, and packing runs on a Machine.
#include "kernels/copy/swap.h"

#include <cstring>

namespace kvsim {

void swap_by_batch(std::span<const CopyPiece> pieces, gpu::Stream /*stream*/) {
  for (const CopyPiece& piece : pieces) std::memcpy(piece.to, piece.from, piece.bytes);
}

void swap_out_staged(const BlockCopyArgs& pack, const StagingBuffers& staging, gpu::Stream stream) {
  launch_block_copy(pack, kAsManyAsFit, stream);
  std::memcpy(staging.host, staging.device, staging.bytes);
}

void swap_in_staged(const BlockCopyArgs& unpack, const StagingBuffers& staging,
                    gpu::Stream stream) {
  std::memcpy(staging.device, staging.host, staging.bytes);
  launch_block_copy(unpack, kAsManyAsFit, stream);
}

}  // namespace kvsim
