#pragma once
// Engine: replays a workload through a router and replicas, one event at a time, to its end.
//
// No files, no clocks, no printing. The order of simultaneous events is EventKind's. This is the
// plain step-by-step machine: every step of every replica is an event.

#include <deque>
#include <functional>

#include "sim/core/event_queue.h"
#include "sim/core/fingerprint.h"
#include "sim/engine/fleet/fleet.h"
#include "sim/engine/observers.h"
#include "sim/engine/replica.h"
#include "sim/model/workload_source.h"

namespace kvsim {

class Engine {
 public:
  struct Parts : Fleet::Parts {
    std::optional<Time> until;        ///< Nothing happens after this time.
    std::function<void()> heartbeat;  ///< Called every few thousand events; may be empty.
  };
  struct Outcome {
    std::int64_t events = 0;
    std::uint64_t fingerprint = 0;
    Time end{};  ///< Of the last event.
  };
  explicit Engine(const Parts& parts) : parts_(parts), fleet_(parts, fingerprint_) {}
  Outcome run();

 private:
  void announce_memory();
  void await_arrival();
  void arrivals();
  void await_fleet();
  void fleet_acts();
  void plan_sent();
  void step_done(ReplicaId id);
  void loaded(ReplicaId id);
  void plan(ReplicaId id);
  void plan_at(Time when, ReplicaId id);
  void plan_soon(ReplicaId id) { plan_at(queue_.now(), id); }

  Parts parts_;
  EventQueue queue_;
  Fingerprint fingerprint_;
  Fleet fleet_;
  Request incoming_;
  std::optional<Time> awaited_;    // the arrival event that is in the queue
  std::optional<Time> fleet_due_;  // the fleet's event that is in the queue
  std::vector<bool> plan_is_due_;  // per replica: a kPlan event is in the queue, perhaps for later
};

}  // namespace kvsim
