#pragma once
// FaultPlan: what goes wrong, and when. One-time faults as the config dates them, and periodic ones
// drawn from exponential laws, each from a stream of its own.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/core/rng.h"
#include "sim/core/units.h"

namespace kvsim {

class FaultPlan {
 public:
  enum class Kind : std::uint8_t { kReplicaDown, kSlowReplica };
  /// A fault begins, or is over.
  struct Change {
    Time at{};
    Kind kind = Kind::kReplicaDown;
    ReplicaId where;
    bool begins = true;
    bool for_good = false;  ///< It will never be over.
    double factor = 1;      ///< kSlowReplica: steps take so many times as long.
  };

  /// Reads /faults for a fleet of so many replicas.
  FaultPlan(const ConfigView& config, std::size_t replicas, std::uint64_t seed);

  [[nodiscard]] bool empty() const { return sources_.empty(); }
  /// When the next change is due.
  [[nodiscard]] std::optional<Time> next() const;
  /// That change. Requires next().
  Change take();

 private:
  // One fault of one replica: what it does next, if anything.
  struct Source {
    Change next;
    bool over = false;
    std::optional<Duration> lasts;  // one-time; none: for good
    double mtbf_s = 0;              // periodic if > 0
    double mttr_s = 0;
    Rng rng{0, "none"};
  };
  /// Index of whose change comes next; sources_.size() if none does.
  [[nodiscard]] std::size_t earliest() const;

  std::vector<Source> sources_;
};

}  // namespace kvsim
