#pragma once
// When was a tick? Allocators date their entries in cache operations; people want seconds.

#include <cstdint>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

/// Remembers at most kMost (tick, time) pairs; with more to remember, every second one goes and
/// the rest lie farther apart.
class TickTimes {
 public:
  /// Requires that neither goes back.
  void note(std::uint64_t tick, Time now);
  /// The latest time known at which `tick` had come; the first one, before.
  [[nodiscard]] Time when(std::uint64_t tick) const;

 private:
  static constexpr std::size_t kMost = 1U << 16U;
  struct Pair {
    std::uint64_t tick = 0;
    Time at{};
  };
  std::vector<Pair> pairs_;
  std::uint64_t apart_ = 1;
};

}  // namespace kvsim
