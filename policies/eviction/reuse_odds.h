#pragma once
// ReuseOdds: how likely an entry is to be used again before it would be given up, by its class.
//
// Of a class a share is reused, after an exponentially distributed time: two numbers, learned from
// what was reused and what was evicted. How long the evicted had been idle gives the time to look
// ahead, for all classes.

#include <cmath>
#include <vector>

namespace kvsim {

class ReuseOdds {
 public:
  explicit ReuseOdds(std::size_t classes) : classes_(classes) {}

  /// One of `c`, idle for so long, was evicted, or reused.
  void saw(std::size_t c, bool evicted, double idle) {
    Class& its = classes_[c];
    (evicted ? its.evicted : its.reused) += 1;
    if (evicted)
      lifetime_ += (idle - lifetime_) / kMemory;
    else
      its.waited += idle;
  }
  /// That one of `c`, idle for so long, is used again within the usual lifetime.
  [[nodiscard]] double chance(std::size_t c, double idle) const {
    const Class& its = classes_[c];
    const double rate = its.reused / its.waited;
    return its.reused / (its.reused + its.evicted) *
           (std::exp(-rate * idle) - std::exp(-rate * (idle + lifetime_)));
  }

 private:
  static constexpr double kMemory = 64;  // evictions that the usual lifetime looks back on
  struct Class {
    double reused = 1, evicted = 1, waited = 1;  // as if one of each had been seen
  };
  std::vector<Class> classes_;
  double lifetime_ = 1;
};

}  // namespace kvsim
