#pragma once
// Fleet: who serves which request, while replicas fail and come back.
//
// Admission control may refuse who arrives. The router then picks one of the replicas that are up,
// can serve the request at all and have room; where there is none the request waits here, first
// come first served. A replica that goes down loses its memory and comes back empty; as /retry
// says, its requests go on elsewhere after what their clients got already, which is computed again
// and not delivered again (NVIDIA Dynamo calls it request migration), or they are lost.

#include <deque>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "sim/core/fingerprint.h"
#include "sim/engine/faults/fault_plan.h"
#include "sim/engine/faults/slowness.h"
#include "sim/engine/fleet/admission_control.h"
#include "sim/engine/fleet/handoffs.h"
#include "sim/engine/fleet/kv_event_feed.h"
#include "sim/engine/observers.h"
#include "sim/engine/replica.h"
#include "sim/engine/transfer/run_tiers.h"
#include "sim/model/workload_source.h"

namespace kvsim {

class Fleet {
 public:
  struct Parts {
    const ConfigView& config;
    WorkloadSource& workload;
    Router& router;
    KvEventFeed* news;              ///< For the router; null: it does without.
    Handoffs* handoffs;             ///< Between prefill and decode replicas; null: all serve.
    std::deque<Replica>& replicas;  ///< At least one.
    const Observers& observers;
    FaultPlan faults{};         ///< Of replicas and stores.
    RunTiers* tiers = nullptr;  ///< Whose stores may fail; null: there are none.
  };
  /// `fingerprint` learns who is sent where. Throws InputError for limits that make no sense.
  Fleet(const Parts& parts, Fingerprint& fingerprint);

  /// Its storage may be swapped for a used one.
  void arrive(Time now, Request& r);
  /// `r` will not come back.
  void ended(Time now, const Request& r);
  /// A replica has room again: who waits here may go on.
  void relieve(Time now);

  /// A prefill replica has brought a sequence as far as it serves it: it goes on at a decode
  /// replica, or waits for one that is up.
  void hand_over(Time now, const Handoffs::Kept& from);
  /// Prefill replicas give up what has moved.
  void let_go(Time now);

  /// When a fault or a retry is due.
  [[nodiscard]] std::optional<Time> due() const;
  /// Does all of that.
  void act(Time now);
  /// Faults come, but nobody is left for them to befall or to help.
  [[nodiscard]] bool over() const;

  /// The replicas that were sent something since the last call.
  [[nodiscard]] std::span<const ReplicaId> take_sent();

 private:
  // Neither: it waits.
  struct Choice {
    ReplicaId where;
    std::optional<Rejection> refused;
  };
  struct Health {
    std::uint32_t faults = 0;  // that keep it down
    bool gone = false;         // one of them for good
    Slowness slowness;
  };
  struct Retry {
    Time at{};
    Sequence sequence;
  };

  [[nodiscard]] Choice choose(Time now, const Request& r, bool inside);
  [[nodiscard]] std::optional<Rejection> offer(const Request& r, bool inside);
  void refuse(Time now, const Request& r, Rejection why);
  void send_waiting(Time now);
  void send_moving(Time now);
  [[nodiscard]] std::optional<Rejection> refusal(const Replica& replica, const Request& r) const;
  void send(Time now, Sequence& s, ReplicaId where);
  void change(Time now, const FaultPlan::Change& change);
  void slow_down(const FaultPlan::Change& change);
  void take_down(Time now, ReplicaId where);
  void end_failed_loads(Time now);
  [[nodiscard]] bool full(const ReplicaView& replica) const;

  Parts parts_;
  Fingerprint& fingerprint_;
  AdmissionControl admission_;
  FaultPlan faults_;
  bool retries_lost_;
  std::uint32_t attempts_;
  Duration delay_;
  std::optional<std::size_t> in_flight_;  // most requests of a replica

  Choice family_;                // of the siblings that arrive now
  std::list<Sequence> waiting_;  // nobody could be sent them
  std::deque<Retry> later_;      // in order of time
  struct Moving {
    ReplicaId from;
    Sequence sequence;
  };
  std::list<Moving> moving_;        // no decode replica was up for them
  std::vector<Health> health_;      // by replica
  std::int64_t open_ = 0;           // requests that arrived and have not ended
  std::vector<ReplicaView> views_;  // whom the router may choose from
  std::vector<ReplicaId> sent_, taken_;
};

}  // namespace kvsim
