#pragma once
// The workload built into the program (what it is: sample.cpp).

#include "workloads/generator.h"

namespace kvsim {

/// Of `config`, it obeys only the rate scale and the limit.
[[nodiscard]] Generator sample_workload(const ConfigView& config);

}  // namespace kvsim
