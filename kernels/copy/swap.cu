#include <vector>

#include "kernels/copy/swap.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {
namespace {

cudaStream_t handle(gpu::Stream stream) { return static_cast<cudaStream_t>(stream.handle); }

}  // namespace

void swap_by_batch(std::span<const CopyPiece> pieces, gpu::Stream stream) {
  if (pieces.empty()) return;
  std::vector<void*> to;
  std::vector<const void*> from;
  std::vector<std::size_t> bytes;
  for (const CopyPiece& piece : pieces) {
    to.push_back(piece.to);
    from.push_back(piece.from);
    bytes.push_back(piece.bytes);
  }
  cudaMemcpyAttributes in_stream_order = {};
  in_stream_order.srcAccessOrder = cudaMemcpySrcAccessOrderStream;
  std::size_t from_first = 0;
  gpu::check_cuda(cudaMemcpyBatchAsync(to.data(), from.data(), bytes.data(), pieces.size(),
                                       &in_stream_order, &from_first, 1, handle(stream)),
                  "batch copy");
}

void swap_out_staged(const BlockCopyArgs& pack, const StagingBuffers& staging, gpu::Stream stream) {
  launch_block_copy(pack, kAsManyAsFit, stream);
  gpu::check_cuda(cudaMemcpyAsync(staging.host, staging.device, staging.bytes,
                                  cudaMemcpyDeviceToHost, handle(stream)),
                  "staged copy");
}

void swap_in_staged(const BlockCopyArgs& unpack, const StagingBuffers& staging,
                    gpu::Stream stream) {
  gpu::check_cuda(cudaMemcpyAsync(staging.device, staging.host, staging.bytes,
                                  cudaMemcpyHostToDevice, handle(stream)),
                  "staged copy");
  launch_block_copy(unpack, kAsManyAsFit, stream);
}

}  // namespace kvsim
