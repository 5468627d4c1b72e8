#pragma once
// From the seconds of a cost model to the duration of a step.

#include <algorithm>

#include "sim/core/units.h"

namespace kvsim {

/// At least 1 ns, so that time moves on; at most a million seconds, so that no sum of steps a run
/// can make leaves 64 bits.
[[nodiscard]] inline Duration step_duration(double seconds) {
  constexpr double kLongest = 1e6;
  return std::max(Duration(1), round_to_ns(std::min(seconds, kLongest)));
}

}  // namespace kvsim
