#pragma once
// RooflinePrices: every phase takes as long as its bytes or its FLOPs, whichever is slower, at the
// shares of the data sheet's peaks that published kernels reach (configs/devices/*.json).
//
// Monotone: more work never costs less. Roofline model: Williams, Waterman, Patterson, CACM 52(4),
// 2009. Deviations from a real pass: no tiles, split counts or waves, no overlap of phases.

#include <optional>
#include <string>

#include "sim/core/config_view.h"
#include "sim/engine/cost/collectives.h"
#include "sim/engine/cost/expert_prices.h"
#include "sim/engine/cost/operation_prices.h"
#include "sim/engine/cost/pass_work.h"
#include "sim/engine/cost/speed.h"
#include "sim/model/device_spec.h"

namespace kvsim {

class RooflinePrices final : public OperationPrices {
 public:
  RooflinePrices(PassWork work, const DeviceSpec& device, const ConfigView& config);

  [[nodiscard]] double linears(double tokens) const override;
  [[nodiscard]] double experts(double tokens) const override;
  [[nodiscard]] double decode_attention(const StepShape& shape) const override;
  [[nodiscard]] double prefill_attention(const StepShape& shape) const override;
  [[nodiscard]] double head(double samples) const override;
  [[nodiscard]] double mamba(double sequences) const override;
  [[nodiscard]] double all_reduce(double tokens) const override;
  [[nodiscard]] double exchange(double tokens) const override;

  /// Norms, activations and RoPE of all layers, part of linears().
  [[nodiscard]] double elementwise(double tokens) const;
  [[nodiscard]] const PassWork& work() const { return work_; }
  /// Are the GPUs that share a layer in several nodes?
  [[nodiscard]] bool spans_nodes() const { return ways_.nodes > 1; }
  [[nodiscard]] std::string speeds() const;

 private:
  PassWork work_;
  Collectives collectives_;
  GpuGroup ways_;
  Speed gemm_, head_gemm_, decode_, prefill_;
  std::optional<ExpertPrices> experts_;
};

}  // namespace kvsim
