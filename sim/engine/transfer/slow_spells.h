#pragma once
// SlowSpells: how long a transfer takes on a link that is slow at times.
//
// The faults of a link do not depend on what it carries, so its speed is known as far ahead as
// anybody asks, and with it every time of arrival: nothing need be put right when a spell begins.
// Spells that overlap multiply. Cost: O(spells on the way).

#include <deque>

#include "sim/engine/faults/fault_plan.h"
#include "sim/engine/faults/slowness.h"

namespace kvsim {

class SlowSpells {
 public:
  /// `faults`: of one link, all of them slow ones.
  explicit SlowSpells(FaultPlan faults) : faults_(std::move(faults)) {}

  /// When what takes `work` at full speed is done, if it begins at `start`.
  [[nodiscard]] Time end(Time start, Duration work);
  /// Nobody will ask for a start before `now` any more.
  void forget_before(Time now);

 private:
  struct Spell {
    Time until{};  // from the end of the one before
    double factor = 1;
  };
  void extend();

  FaultPlan faults_;
  Slowness slowness_;  // where spells_ ends
  std::deque<Spell> spells_;
};

}  // namespace kvsim
