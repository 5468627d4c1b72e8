#include "sim/cli/plan/highest_load.h"

#include <cmath>

namespace kvsim {

double highest_load(const std::function<bool(double factor)>& meets) {
  // A plan's fleet is the smallest that will do, so it seldom carries much more.
  double stride = 1.15;
  double low = 1;
  double high = low * stride;
  while (meets(high)) {
    low = high;
    if (low >= kMostLoad) return kMostLoad;
    stride *= stride;
    high = std::min(low * stride, kMostLoad);
  }
  while (high > low * (1 + kLoadTolerance)) {
    const double middle = std::sqrt(low * high);
    (meets(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace kvsim
