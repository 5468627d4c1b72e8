#pragma once
// Host memory that a GPU reaches by itself.

#include <cstddef>

#include <cuda_runtime.h>

#include "kernels/calibrate/cuda/cuda_check.h"

namespace kvsim::calibrate {

class PinnedMemory {
 public:
  explicit PinnedMemory(std::size_t bytes) {
    check_cuda(cudaHostAlloc(&data_, bytes, cudaHostAllocMapped), "pinned memory");
  }
  ~PinnedMemory() { (void)cudaFreeHost(data_); }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
};

}  // namespace kvsim::calibrate
