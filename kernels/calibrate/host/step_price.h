#pragma once
// What the fitted laws say a whole forward pass takes: the sum that the simulator makes too.

#include <optional>

#include "kernels/calibrate/host/model_shape.h"
#include "kernels/calibrate/host/profile.h"

namespace kvsim::calibrate {

/// Microseconds of kernels, one after another. Nothing if a law that it needs was not fitted.
[[nodiscard]] std::optional<double> step_us(const FittedLaws& laws, const ModelShape& model,
                                            const StepCase& step, int multiprocessors);

}  // namespace kvsim::calibrate
