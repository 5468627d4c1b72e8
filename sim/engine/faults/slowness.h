#pragma once
// Slowness: the slow faults under way of one replica or link. Their factors multiply.

#include <algorithm>
#include <vector>

#include "sim/engine/faults/fault_plan.h"

namespace kvsim {

class Slowness {
 public:
  /// A fault of it begins, or one that began is over.
  void change(const FaultPlan::Change& change) {
    if (change.begins)
      factors_.push_back(change.factor);
    else
      factors_.erase(std::find(factors_.begin(), factors_.end(), change.factor));
  }
  /// So many times as long does it take; 1: no longer than it should.
  [[nodiscard]] double factor() const {
    double product = 1;
    for (const double one : factors_) product *= one;
    return product;
  }

 private:
  std::vector<double> factors_;
};

}  // namespace kvsim
