#pragma once
// FaultPlan: what goes wrong, and when. One-time faults as they were dated, and periodic ones drawn
// from exponential laws, each from a stream of its own: a plan does not depend on what happens
// meanwhile.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/core/rng.h"
#include "sim/core/units.h"

namespace kvsim {

/// What of a fleet may fail, beside its replicas: links, and stores at the end of some.
enum class Part : std::uint8_t {
  kDisk,     ///< A replica's.
  kHandoff,  ///< What leaves and enters a replica between prefill and decode pools.
  kHost,     ///< Between a replica's GPUs and its host's memory.
  kRemote,   ///< The store that replicas share: nobody's.
};

class FaultPlan {
 public:
  enum class Kind : std::uint8_t { kReplicaDown, kSlowLink, kSlowReplica, kStoreDown };
  /// A fault begins, or is over.
  struct Change {
    Time at{};
    Kind kind = Kind::kReplicaDown;
    Part part = Part::kHost;  ///< kSlowLink, kStoreDown: what it befalls ...
    ReplicaId where;          ///< ... and whose; none: everybody's.
    bool begins = true;
    bool for_good = false;        ///< It will never be over.
    double factor = 1;            ///< kSlow...: steps or transfers take so many times as long.
    bool loses_contents = false;  ///< kStoreDown: it comes back empty.
  };
  /// One fault of one thing.
  struct Source {
    Change next;  ///< Its first.
    /// What happens once; none: for good.
    std::optional<Duration> lasts{};
    /// What happens again and again: means of the times between and of how long it lasts; else 0.
    double mtbf_s = 0, mttr_s = 0;
    Rng rng{0, "none"};
    bool over = false;
  };

  /// A periodic source's first change is drawn here.
  void add(Source source);

  [[nodiscard]] bool empty() const { return sources_.empty(); }
  /// When the next change is due.
  [[nodiscard]] std::optional<Time> next() const;
  /// That change. Requires next().
  Change take();

 private:
  /// Index of whose change comes next; sources_.size() if none does.
  [[nodiscard]] std::size_t earliest() const;

  std::vector<Source> sources_;
};

}  // namespace kvsim
