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
    digest_.add((number_of(event.kind()) << 32) | event.replica.index);
  }
  /// Request `id` was routed to `where`.
  void add(std::uint64_t id, ReplicaId where) {
    digest_.add(id);
    digest_.add(std::uint64_t{where.index});
  }
  [[nodiscard]] std::uint64_t value() const { return digest_.value(); }

 private:
  // Not the order of kinds: a new kind must not change the fingerprint of who does without it.
  static constexpr std::uint64_t number_of(EventKind kind) {
    switch (kind) {
      case EventKind::kStepDone:
        return 0;
      case EventKind::kArrival:
        return 1;
      case EventKind::kPlan:
        return 2;
      case EventKind::kFleet:
        return 3;
      case EventKind::kLoaded:
        return 4;
    }
    return 0;
  }
  Digest digest_;
};

}  // namespace kvsim
