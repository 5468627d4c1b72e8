#pragma once
// PoolMeter: what each pool of a fleet had to do, and with what success.

#include <deque>
#include <span>
#include <vector>

#include "sim/engine/metrics.h"
#include "sim/engine/replica.h"
#include "sim/engine/simulation.h"

namespace kvsim {

class PoolMeter final : public Bystander {
 public:
  explicit PoolMeter(std::span<const PoolParts> pools);

  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_route(Time now, const Request& r, ReplicaId where) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_hand_over(Time now, const Request& r, ReplicaId from, ReplicaId to) override;
  void on_step(const StepRecord& step) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_memory(Time now, ReplicaId where, const MemoryUse& memory) override;
  void on_end(Time now) override;

  /// A row per pool, in order.
  [[nodiscard]] std::vector<Report::Pool> result(const std::deque<Replica>& replicas) const;

 private:
  struct Counted {
    Report::Pool row;
    MemoryMeter memory;
    double busy_seconds = 0;
  };
  [[nodiscard]] Counted& at(ReplicaId where) { return pools_[pool_of_[where.index]]; }

  std::vector<Counted> pools_;
  std::vector<std::size_t> pool_of_;  // by replica
  Time end_{};
};

}  // namespace kvsim
