#pragma once
// Fingerprint: one 64-bit number for "exactly this happened".
//
// A digest over the event stream (time, kind, replica). Two runs with the same fingerprint did the
// same things at the same nanoseconds; the regression tests lean on it (idea: OMNeT++).

#include "sim/core/event_queue.h"
#include "sim/core/hash.h"

namespace kvsim {

class Fingerprint {
 public:
  void add(const Event& event, std::uint64_t subject = 0) {
    digest_.add(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
    digest_.add((static_cast<std::uint64_t>(event.kind()) << 32) | event.replica.index);
    digest_.add(subject);
  }
  [[nodiscard]] std::uint64_t value() const { return digest_.value(); }

 private:
  Digest digest_;
};

}  // namespace kvsim
