#pragma once
// PriorityMeter: what the requests of each priority got. Memory follows the priorities, not the
// run.

#include <map>
#include <vector>

#include "sim/engine/distribution.h"
#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

class PriorityMeter final : public Bystander {
 public:
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;

  /// Most important first. Nothing if all requests are of one priority, or of more priorities than
  /// a report has rows.
  [[nodiscard]] std::vector<Report::Priority> result() const;

 private:
  struct Level {
    std::int64_t completed = 0, queries = 0, hits = 0;
    Distribution ttft, tpot, e2e;
  };
  /// Null once there are too many.
  [[nodiscard]] Level* level(std::int32_t priority);

  std::map<std::int32_t, Level> levels_;
  bool too_many_ = false;
};

}  // namespace kvsim
