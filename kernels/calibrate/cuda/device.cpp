#include "kernels/calibrate/cuda/device.h"

#include <cuda_runtime.h>

#include "kernels/calibrate/cuda/cuda_check.h"
#include "kernels/calibrate/host/device_name.h"
#include "kernels/calibrate/host/options.h"

namespace kvsim::calibrate {
namespace {

std::string version_text(int version) {  // 13000 is 13.0
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

Device find_device() {
  constexpr int kOldest = 8;  // sm_80: cp.async and bf16 products
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0)
    throw BadInput(std::string("no CUDA device: ") +
                   (error == cudaSuccess ? "none found" : cudaGetErrorString(error)));
  cudaDeviceProp p{};
  check_cuda(cudaGetDeviceProperties(&p, 0), "device");
  if (p.major < kOldest)
    throw BadInput(std::string(p.name) + ": compute capability " + std::to_string(p.major) + "." +
                   std::to_string(p.minor) + ", needs 8.0 or later");
  std::size_t free = 0;
  std::size_t total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "memory");
  int driver = 0;
  int runtime = 0;
  check_cuda(cudaDriverGetVersion(&driver), "driver");
  check_cuda(cudaRuntimeGetVersion(&runtime), "runtime");
  Device device;
  device.name = p.name;
  device.short_name = short_device_name(device.name);
  device.multiprocessors = p.multiProcessorCount;
  device.free_bytes = static_cast<double>(free);
  device.facts =
      Json::object({{"name", device.short_name},
                    {"cuda_name", device.name},
                    {"sm_count", p.multiProcessorCount},
                    {"compute_capability", std::to_string(p.major) + "." + std::to_string(p.minor)},
                    {"l2_bytes", p.l2CacheSize},
                    {"mem_bytes", p.totalGlobalMem},
                    {"ecc", p.ECCEnabled != 0},
                    {"cuda_driver", version_text(driver)},
                    {"cuda_runtime", version_text(runtime)}});
  return device;
}

}  // namespace kvsim::calibrate
