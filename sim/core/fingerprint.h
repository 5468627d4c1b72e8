#pragma once
// Fingerprint: one 64-bit number for "exactly this happened".
//
// A digest over the event stream (time, kind, replica) and the routing decisions. Two runs with the
// same fingerprint did the same things at the same nanoseconds; the regression tests lean on it
// (idea: OMNeT++).

#include "sim/core/event_queue.h"
#include "sim/core/hash.h"

namespace kvsim {

class Fingerprint {
 public:
  void add(const Event& event) {
    digest_.add(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
    digest_.add((static_cast<std::uint64_t>(event.kind()) << 32) | event.replica.index);
  }
  /// Request `id` was routed to `where`.
  void add(std::uint64_t id, ReplicaId where) {
    digest_.add(id);
    digest_.add(std::uint64_t{where.index});
  }
  [[nodiscard]] std::uint64_t value() const { return digest_.value(); }

 private:
  Digest digest_;
};

}  // namespace kvsim
