#pragma once
// Prices a step. A pure function: same shape, same nanoseconds.
//
// With pipeline parallelism a step passes the stages one after the other, each on GPUs of its own,
// and several steps are on their way at once (sim/engine/pipeline.h).

#include <string>

#include "sim/core/config_view.h"
#include "sim/core/registry.h"
#include "sim/model/step.h"

namespace kvsim {

struct ModelSpec;
struct DeviceSpec;

/// Where a price comes from. Every report carries it.
struct CostProvenance {
  std::string kind;           ///< "measured", "imported", "roofline" or "exact".
  std::string profile;        ///< Id of the profile; for a roofline the device and the assumptions.
  double holdout_error = -1;  ///< Median error on held-out shapes; negative: not measured.
  std::int64_t steps_outside = 0;  ///< Priced so far beyond the shapes that were timed.
};

class CostModel {
 public:
  struct Setup {
    const ModelSpec& model;
    const DeviceSpec& device;
    const ConfigView& config;
  };
  virtual ~CostModel() = default;
  /// Duration of one step of this (non-empty) shape that meets no other, at least 1 ns: the sum
  /// over its stages.
  [[nodiscard]] virtual Duration price(const StepShape& shape) const = 0;
  /// Pipeline stages, at least one.
  [[nodiscard]] virtual std::size_t stages() const { return 1; }
  /// What of it stage `stage` takes, at least 1 ns.
  [[nodiscard]] virtual Duration price_stage(const StepShape& shape, std::size_t /*stage*/) const {
    return price(shape);
  }
  /// No step that computes exactly `tokens` (> 0) tokens is shorter, whatever else is in it: what
  /// `kvsim plan` refuses fleets by. 1 ns says nothing.
  [[nodiscard]] virtual Duration at_least(Tokens /*tokens*/) const { return Duration(1); }
  [[nodiscard]] virtual CostProvenance provenance() const = 0;
};

}  // namespace kvsim
