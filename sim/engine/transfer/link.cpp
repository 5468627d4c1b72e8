#include "sim/engine/transfer/link.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {

Time Link::arrival(Time now, Bytes bytes) const {
  if (bytes == Bytes(0)) return now;
  return carried(std::max(now, free_at_), bytes) + setup_.latency;
}

Time Link::send(Time now, Bytes bytes) {
  if (bytes == Bytes(0)) return now;
  const Time start = std::max(now, free_at_);
  free_at_ = carried(start, bytes);
  sent_ += bytes;
  busy_ += free_at_ - start;
  return free_at_ + setup_.latency;
}

void Link::slow_down(Time from, Time until, double share) {
  KVSIM_CHECK(from < until && 0 <= share && share <= 1, "a spell has a length and a share");
  KVSIM_CHECK(spells_.empty() || spells_.back().until <= from, "spells follow each other");
  KVSIM_CHECK(from >= free_at_, "what was sent has its time of arrival");
  spells_.push_back({from, until, share});
}

// When the last byte has left: at full speed, but for the spells on the way.
Time Link::carried(Time start, Bytes bytes) const {
  Duration left = round_to_ns(static_cast<double>(bytes.value()) / setup_.bytes_per_s);
  Time at = start;
  for (const Spell& spell : spells_) {
    if (spell.until <= at) continue;
    if (at + left <= spell.from) break;
    if (at < spell.from) {
      left -= spell.from - at;
      at = spell.from;
    }
    const auto slowly = round_to_ns(seconds(spell.until - at) * spell.share);
    if (spell.share > 0 && slowly >= left) return at + round_to_ns(seconds(left) / spell.share);
    left -= slowly;
    at = spell.until;
  }
  return at + left;
}

}  // namespace kvsim
