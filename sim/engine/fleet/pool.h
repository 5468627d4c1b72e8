#pragma once
// Pool: the parts that one kind of replica is made of, built from its config.

#include <memory>

#include "sim/engine/deployment.h"
#include "sim/engine/fleet/pool_config.h"
#include "sim/engine/simulation.h"
#include "sim/engine/sizing.h"
#include "sim/engine/transfer/run_tiers.h"

namespace kvsim {

class Pool {
 public:
  /// `sized`: with the memory that its device has left; otherwise capacity is none.
  /// Throws InputError if the parts do not fit together.
  Pool(PoolConfig said, bool sized);
  // Parts refer to each other.
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Refers into this pool.
  [[nodiscard]] PoolParts parts() const;
  /// What lies behind the memory of its replicas. Refers into this pool.
  [[nodiscard]] TieredPool tiers();
  [[nodiscard]] const Deployment& deployment() const { return deployment_; }
  [[nodiscard]] CostProvenance provenance() const { return cost_->provenance(); }

 private:
  PoolConfig said_;
  ModelSpec model_;
  DeviceSpec device_;
  std::unique_ptr<CostModel> cost_;
  std::unique_ptr<CostModel> estimates_;  // apart: what was not computed is not in provenance()
  Deployment deployment_;
  KvBudget budget_;
};

/// Of step times that came from all of these: the weakest kind, every profile, the largest error.
[[nodiscard]] CostProvenance combined(const std::vector<CostProvenance>& all);

}  // namespace kvsim
