#pragma once
// Times the small kernels between the matrices of a layer.

#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {

[[nodiscard]] Spread time_elementwise(const ElementwiseCase& c, KvPool& pool);

}  // namespace kvsim::calibrate
