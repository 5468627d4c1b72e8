// DeviceMemory of a GPU: plain cudaMalloc. What it needs of CUDA besides.
#include "kernels/calibrate/check/memory.h"

#include "kernels/calibrate/cuda/cuda_check.h"
#include "kernels/calibrate/host/options.h"

namespace kvsim::calibrate {

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(bytes) {
  const cudaError_t error = cudaMalloc(&data_, bytes);
  if (error == cudaErrorMemoryAllocation) {
    std::size_t free = 0;
    std::size_t total = 0;
    (void)cudaGetLastError();  // forget it
    check_cuda(cudaMemGetInfo(&free, &total), "memory");
    throw BadInput("too little GPU memory: " + std::to_string(bytes >> 20) + " MiB wanted, " +
                   std::to_string(free >> 20) + " MiB free; stop other programs on the GPU");
  }
  check_cuda(error, "memory");
}

DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) (void)cudaFree(data_);
}

void DeviceMemory::upload(const void* from, std::size_t bytes, std::size_t offset) {
  check_cuda(cudaMemcpy(as<std::byte>() + offset, from, bytes, cudaMemcpyHostToDevice), "upload");
}

void DeviceMemory::download(void* to, std::size_t bytes, std::size_t offset) const {
  check_cuda(cudaMemcpy(to, as<std::byte>() + offset, bytes, cudaMemcpyDeviceToHost), "download");
}

void DeviceMemory::fill(std::uint8_t byte) {
  check_cuda(cudaMemset(data_, byte, bytes_), "fill");
  wait_for_device();
}

PinnedMemory::PinnedMemory(std::size_t bytes) {
  check_cuda(cudaHostAlloc(&data_, bytes, cudaHostAllocMapped), "pinned memory");
}

PinnedMemory::~PinnedMemory() { (void)cudaFreeHost(data_); }

void on_own_stream(const std::function<void(gpu::Stream)>& work) {
  struct Owner {
    cudaStream_t stream = nullptr;
    ~Owner() { (void)cudaStreamDestroy(stream); }
  } own;
  check_cuda(cudaStreamCreate(&own.stream), "stream");  // waits for the null stream's work
  work({own.stream});
  wait_for_device();
}

void wait_for_device() { check_cuda(cudaDeviceSynchronize(), "the kernel"); }

}  // namespace kvsim::calibrate
