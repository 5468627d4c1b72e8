#include "kernels/calibrate/host/budget.h"

#include <chrono>

namespace kvsim::calibrate {

double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace kvsim::calibrate
