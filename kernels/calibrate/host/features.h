#pragma once
// What a law knows of a case: the same sums that the simulator computes of a step.

#include "kernels/calibrate/host/cases.h"
#include "kernels/decode/decode.h"
#include "sim/model/attention/kernel_law.h"

namespace kvsim::calibrate {

/// Throws BadInput for no such KV format.
[[nodiscard]] KvElement element_of(const std::string& kv);

/// The decode kernel of a case, and its shape for the planner. Throws BadInput for a KV format or
/// head_dim that there is no kernel for.
[[nodiscard]] DecodeKernel decode_kernel_of(const DecodeCase& c);
[[nodiscard]] DecodeShape decode_shape_of(const DecodeCase& c);

/// Positive u and v. Cases that no law is fitted to (steps, ceilings) have bytes only.
[[nodiscard]] LaunchFeatures features_of(const What& what, int multiprocessors);

}  // namespace kvsim::calibrate
