#pragma once
// Every CUDA call is checked: an exit code of 0 proves nothing.

#include <stdexcept>
#include <string>

#include <cuda_runtime.h>

namespace kvsim::calibrate {

/// Throws std::runtime_error("the graph: out of memory").
inline void check_cuda(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

}  // namespace kvsim::calibrate
