#pragma once
// The future: a binary heap of small plain events, popped in (time, kind, sequence number) order.
//
// Same-instant order is part of the model, so it is written down once, as the order of EventKind.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/units.h"

namespace kvsim {

enum class EventKind : std::uint8_t {
  kStepDone,  ///< First: finished work frees memory before new work asks for it.
  kFleet,     ///< Then replicas fail or come back, and who lost one is sent elsewhere.
  kLoaded,    ///< KV from elsewhere is there: who waited for it can be planned.
  kArrival,   ///< Then everything that arrives now joins the queue ...
  kPlan,      ///< ... and only then is the next step planned, over all of it.
};

struct Event {
  Time at{};
  std::uint64_t order = 0;  ///< kind in the top byte, insertion number below: ties are FIFO.
  ReplicaId replica;
  [[nodiscard]] EventKind kind() const { return static_cast<EventKind>(order >> 56); }
};

class EventQueue {
 public:
  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] bool empty() const { return heap_.empty(); }

  /// When the next event is due. Requires !empty().
  [[nodiscard]] Time next_at() const { return heap_.front().at; }

  /// `at` must not be in the past.
  void schedule(Time at, EventKind kind, ReplicaId replica = {}) {
    KVSIM_CHECK(at >= now_, "events are scheduled in the future");
    heap_.push_back({at, (static_cast<std::uint64_t>(kind) << 56) | inserted_++, replica});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// Pops the next event and moves the clock to it. Requires !empty().
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event next = heap_.back();
    heap_.pop_back();
    now_ = next.at;
    return next;
  }

 private:
  static bool later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }
  std::vector<Event> heap_;
  std::uint64_t inserted_ = 0;
  Time now_{};
};

}  // namespace kvsim
