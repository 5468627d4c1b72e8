#pragma once
// Link: a wire that carries one transfer after the other, in the order in which they were asked
// for. Who comes while it is busy queues: that is all there is to contention.
//
// A transfer takes bytes / bandwidth of the link's time, and arrives `latency` after that; the next
// one starts without waiting for the latency. Nothing is scheduled: an arrival time is known when a
// transfer is asked for, because nobody overtakes. Cost: O(slow spells).

#include <vector>

#include "sim/core/units.h"

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
  /// Between `from` and `until` only `share` (0 to 1) of the bandwidth is there; 0: an outage,
  /// which transfers wait out. Requires spells in order of time that do not overlap, and none that
  /// begins before what was sent last has arrived.
  void slow_down(Time from, Time until, double share);

  [[nodiscard]] Bytes sent() const { return sent_; }
  /// Time it was, or will be, carrying something: of all that was sent.
  [[nodiscard]] Duration busy() const { return busy_; }

 private:
  struct Spell {
    Time from{}, until{};
    double share = 0;
  };
  [[nodiscard]] Time carried(Time start, Bytes bytes) const;

  Setup setup_;
  std::vector<Spell> spells_;
  Time free_at_{};
  Bytes sent_;
  Duration busy_{};
};

}  // namespace kvsim
