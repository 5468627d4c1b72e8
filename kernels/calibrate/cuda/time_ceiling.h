#pragma once
// What the device can do at best: reading, copying, launching, its link to the host.

#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {

[[nodiscard]] Spread time_ceiling(const CeilingCase& c, KvPool& pool, int multiprocessors);

}  // namespace kvsim::calibrate
