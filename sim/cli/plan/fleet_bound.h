#pragma once
// FleetBound: how few replicas could do at best, without simulating any.
//
// Every bound is proved from what the simulator itself computes: the memory arithmetic that a run
// starts with, and CostModel::at_least. So it never refuses a fleet that a run would accept:
//
//   memory   the model, or one request of max_model_len, does not fit: no run starts.
//   length   requests longer than max_model_len are turned away, and turned away is late.
//   step     no gap between tokens is shorter than the shortest step (weights are read in each).
//   prompt   what nobody said before a request came is computed after that, token by token.
//   work     nine requests of ten in time means nine tenths of the work in time: tokens that no
//            cache can save, at the seconds of the best step, in the time there is.
//
// The last three are proved for `vllm` batching and the settings listed in fleet_bound.cpp;
// elsewhere nothing is refused by them, nor by the last two where arrivals wait for answers.

#include <optional>
#include <string>

#include "sim/cli/plan/demand.h"
#include "sim/cli/plan/slo.h"

namespace kvsim {

struct FleetBound {
  std::optional<std::string> impossible;  ///< Why no number of replicas will do.
  std::int64_t replicas = 1;              ///< Fewer will not do ...
  std::string why;                        ///< ... and why; empty for 1.
};

/// For the fleet of `config`, whatever its /replicas. `demand` is that of its workload at
/// /workload/rate_scale 1. Throws InputError for what names nothing (a model, a device).
[[nodiscard]] FleetBound bound_fleet(const ConfigView& config, const Slo& slo,
                                     const Demand& demand);

}  // namespace kvsim
