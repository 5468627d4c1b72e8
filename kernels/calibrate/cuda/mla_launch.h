#pragma once
// Times decode over a latent cache.

#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {

[[nodiscard]] Spread time_mla(const MlaCase& c, KvPool& pool, int multiprocessors);

}  // namespace kvsim::calibrate
