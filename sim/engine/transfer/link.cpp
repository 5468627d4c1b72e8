#include "sim/engine/transfer/link.h"

#include <algorithm>

namespace kvsim {

Time Link::arrival(Time now, Bytes bytes) const {
  if (bytes == Bytes(0)) return now;
  return carried(std::max(now, free_at_), bytes) + setup_.latency;
}

Time Link::send(Time now, Bytes bytes) {
  if (bytes == Bytes(0)) return now;
  if (spells_ != nullptr) spells_->forget_before(now);
  const Time start = std::max(now, free_at_);
  free_at_ = carried(start, bytes);
  sent_ += bytes;
  busy_ += free_at_ - start;
  return free_at_ + setup_.latency;
}

void Link::abandon(Time now) {
  if (free_at_ <= now) return;
  busy_ -= free_at_ - now;
  free_at_ = now;
}

// When the last byte has left.
Time Link::carried(Time start, Bytes bytes) const {
  const Duration work = round_to_ns(static_cast<double>(bytes.value()) / setup_.bytes_per_s);
  return spells_ == nullptr ? start + work : spells_->end(start, work);
}

}  // namespace kvsim
