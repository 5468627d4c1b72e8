#include "reports/html/tick_times.h"

#include <algorithm>

namespace kvsim {

void TickTimes::note(std::uint64_t tick, Time now) {
  if (!pairs_.empty() && tick < pairs_.back().tick + apart_) return;
  pairs_.push_back({tick, now});
  if (pairs_.size() < kMost) return;
  for (std::size_t i = 0; 2 * i < pairs_.size(); ++i) pairs_[i] = pairs_[2 * i];
  pairs_.resize(pairs_.size() / 2);
  apart_ = std::max<std::uint64_t>(2 * apart_, (pairs_.back().tick - pairs_.front().tick) / kMost);
}

Time TickTimes::when(std::uint64_t tick) const {
  const auto after = std::upper_bound(pairs_.begin(), pairs_.end(), tick,
                                      [](std::uint64_t t, const Pair& p) { return t < p.tick; });
  if (after == pairs_.begin()) return pairs_.empty() ? Time{} : pairs_.front().at;
  return std::prev(after)->at;
}

}  // namespace kvsim
