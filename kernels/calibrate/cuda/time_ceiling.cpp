#include "kernels/calibrate/cuda/time_ceiling.h"

#include <algorithm>

#include <cuda_runtime.h>

#include "kernels/calibrate/check/memory.h"
#include "kernels/calibrate/cuda/cuda_check.h"
#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

Spread time_link(const CeilingCase& c, KvPool& pool) {
  const auto bytes = static_cast<std::size_t>(c.bytes);
  const PinnedMemory host(bytes);
  auto* device = pool.write_k();
  return time_launches(
      [&](gpu::Stream stream, int) {
        const bool out = c.what == "to_host";
        check_cuda(cudaMemcpyAsync(out ? host.data() : device, out ? device : host.data(), bytes,
                                   out ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice,
                                   static_cast<cudaStream_t>(stream.handle)),
                   "copy over the link");
      },
      1);
}

}  // namespace

Spread time_ceiling(const CeilingCase& c, KvPool& pool, int multiprocessors) {
  const auto nothing = [](gpu::Stream stream, int) { do_nothing(stream); };
  if (c.what == "empty_node") return time_replays(nothing, 1);
  if (c.what == "empty_launch") return time_launches(nothing, 1);
  if (c.what == "to_host" || c.what == "to_device") return time_link(c, pool);
  if (c.bytes > pool.side_bytes()) throw BadInput(text(c.bytes, " bytes do not fit the GPU"));
  const int sets = static_cast<int>(std::min<std::int64_t>(
      rotating_sets(static_cast<double>(c.bytes)), pool.side_bytes() / c.bytes));
  const DeviceMemory sink(sizeof(std::uint32_t));
  return time_replays(
      [&](gpu::Stream stream, int set) {
        const std::byte* from = pool.k() + set * c.bytes;
        if (c.what == "read") {
          read_sweep(from, c.bytes, sink.as<std::uint32_t>(), multiprocessors, stream);
        } else {
          auto* to = pool.write_v() + set * c.bytes;
          copy_sweep(from, to, c.bytes, multiprocessors, stream);
        }
      },
      sets);
}

}  // namespace kvsim::calibrate
