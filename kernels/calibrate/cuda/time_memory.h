#pragma once
// Times what moves KV: appends, copies of blocks, swaps to and from the host.

#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {

// Each writes into the pool: it is refilled before the next read.
[[nodiscard]] Spread time_append(const AppendCase& c, KvPool& pool);
[[nodiscard]] Spread time_copy(const CopyCase& c, KvPool& pool);
/// Launched one by one, without a graph.
[[nodiscard]] Spread time_swap(const SwapCase& c, KvPool& pool);

}  // namespace kvsim::calibrate
