#include "kernels/calibrate/cuda/time_elementwise.h"

#include <algorithm>
#include <numeric>

#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gpu/number.h"

namespace kvsim::calibrate {
namespace {

constexpr float kEpsilon = 1e-5f;
constexpr int kVocabulary = 32000;

}  // namespace

// Inputs are runs of the K pool, outputs of the V pool; both rotate.
Spread time_elementwise(const ElementwiseCase& c, KvPool& pool) {
  pool.hold(RandomKind::kBf16);
  const std::int64_t row_bytes = 2ll * c.width;
  const std::int64_t out_bytes = c.rows * row_bytes;
  const std::int64_t in_bytes = 2 * out_bytes;  // of what has two inputs
  const int sets = static_cast<int>(std::min<std::int64_t>(
      rotating_sets(static_cast<double>(in_bytes)), pool.side_bytes() / in_bytes));
  if (sets < 1) throw BadInput(text(c.rows, " rows of ", c.width, " do not fit the GPU"));
  std::vector<std::int32_t> ids(static_cast<std::size_t>(c.rows));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>(i * 7919 % kVocabulary);  // a prime: far apart
  const DeviceMemory chosen = DeviceMemory::with(ids);
  const DeviceMemory picked(ids.size() * sizeof(std::int32_t));
  std::byte* out = pool.write_v();
  const auto enqueue = [&](gpu::Stream stream, int set) {
    const std::byte* from = pool.k() + set * in_bytes;
    std::byte* to = out + set * in_bytes;
    if (c.kernel == "rms_norm") {
      launch_rms_norm<gpu::Bf16>({from, nullptr, pool.k(), to, c.width, kEpsilon}, c.rows, stream);
    } else if (c.kernel == "add_rms_norm") {
      launch_rms_norm<gpu::Bf16>({from, to + out_bytes, pool.k(), to, c.width, kEpsilon}, c.rows,
                                 stream);
    } else if (c.kernel == "silu_mul") {
      launch_silu_mul<gpu::Bf16>({from, to, c.width}, c.rows, stream);
    } else if (c.kernel == "embed") {
      launch_embedding<gpu::Bf16>({chosen.as<std::int32_t>(), pool.k(), to, c.width}, c.rows,
                                  stream);
    } else if (c.kernel == "argmax") {
      launch_argmax<gpu::Bf16>({from, picked.as<std::int32_t>(), c.width}, c.rows, stream);
    } else {
      throw BadInput(text("no kernel named '", c.kernel, "'"));
    }
  };
  return time_replays(enqueue, sets);
}

}  // namespace kvsim::calibrate
