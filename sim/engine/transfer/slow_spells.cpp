#include "sim/engine/transfer/slow_spells.h"

#include <algorithm>

namespace kvsim {
namespace {

constexpr double kLongest = 1e9;  // seconds; more is as good as never

Duration stretched(Duration d, double factor) {
  return factor == 1 ? d : round_to_ns(std::min(seconds(d) * factor, kLongest));
}

}  // namespace

Time SlowSpells::end(Time start, Duration work) {
  Time at = start;
  for (std::size_t i = 0;; ++i) {
    if (i == spells_.size()) extend();
    const Spell& spell = spells_[i];
    if (spell.until <= at) continue;
    const Time end = at + stretched(work, spell.factor);
    if (end <= spell.until) return end;
    work -= stretched(spell.until - at, 1 / spell.factor);
    at = spell.until;
  }
}

void SlowSpells::forget_before(Time now) {
  while (!spells_.empty() && spells_.front().until <= now) spells_.pop_front();
}

// By what holds until the next change.
void SlowSpells::extend() {
  const std::optional<Time> next = faults_.next();
  spells_.push_back({next.value_or(Time::max()), slowness_.factor()});
  while (next && faults_.next() == next) slowness_.change(faults_.take());
}

}  // namespace kvsim
