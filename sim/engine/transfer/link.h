#pragma once
// Link: a wire that carries one transfer after the other, in the order in which they were asked
// for. Who comes while it is busy queues: that is all there is to contention.
//
// A transfer takes bytes / bandwidth of the link's time, and arrives `latency` after that; the next
// one starts without waiting for the latency. Nothing is scheduled: an arrival time is known when a
// transfer is asked for, because nobody overtakes, and slow spells are known ahead (slow_spells.h):
// who weighs a load against computing knows them too.

#include <memory>

#include "sim/core/units.h"
#include "sim/engine/transfer/slow_spells.h"

namespace kvsim {

class Link {
 public:
  struct Setup {
    double bytes_per_s = 0;  ///< > 0.
    Duration latency{};
  };
  explicit Link(const Setup& setup) : setup_(setup) {}

  /// When `bytes` asked for at `now` would have arrived. Reads only.
  [[nodiscard]] Time arrival(Time now, Bytes bytes) const;
  /// Sends them: the answer of arrival(). Nothing is sent at once; `now` never goes back.
  Time send(Time now, Bytes bytes);
  /// From now on it is as slow as these say: before anything is sent.
  void follow(SlowSpells spells) { spells_ = std::make_unique<SlowSpells>(std::move(spells)); }
  /// Whoever sends or receives is gone: what has not left by `now` never will.
  void abandon(Time now);

  /// All that was asked for.
  [[nodiscard]] Bytes sent() const { return sent_; }
  /// Time it was, or will be, carrying something: of all that was sent and not abandoned.
  [[nodiscard]] Duration busy() const { return busy_; }

 private:
  [[nodiscard]] Time carried(Time start, Bytes bytes) const;

  Setup setup_;
  std::unique_ptr<SlowSpells> spells_;  // null: it is never slow
  Time free_at_{};
  Bytes sent_;
  Duration busy_{};
};

}  // namespace kvsim
