#pragma once
// StepCost: a whole step out of the prices of its operations, whoever gives them.
//
// step = host + moved KV + pass of the model (+ the drafter's passes). Copies on write read and
// write device memory, swaps cross the host link. A drafter takes its own passes after the model's,
// k for k guesses, on the same terms; its window is not modelled. What is verified costs what it
// is: one reading of the context for all guesses.
//
// A pipeline stage is a model of some of the layers: the last has the head and the drafter, each
// has the host time of a step and moves its own layers' KV; each but the first receives the
// activations and the residual of every token from the stage before, a part to each of its GPUs,
// which then gather the whole (vLLM's send_tensor_dict with all_gather_group).

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/engine/cost/collectives.h"
#include "sim/engine/cost/operation_prices.h"
#include "sim/engine/cost/pass_work.h"
#include "sim/model/cost_model.h"

namespace kvsim {

using MakePrices = std::function<std::unique_ptr<OperationPrices>(PassWork work)>;

class StepCost : public CostModel {
 public:
  StepCost(const Setup& setup, const MakePrices& make);

  [[nodiscard]] Duration price(const StepShape& shape) const final;
  [[nodiscard]] std::size_t stages() const final { return stages_.size(); }
  [[nodiscard]] Duration price_stage(const StepShape& shape, std::size_t stage) const final;
  [[nodiscard]] Duration at_least(Tokens tokens) const final;

 protected:
  [[nodiscard]] const OperationPrices& target() const { return *stages_.front(); }
  /// Steps of which something lay outside what was timed.
  [[nodiscard]] std::int64_t steps_outside() const { return steps_outside_; }
  /// "500 us host, 3 guesses of eagle".
  [[nodiscard]] std::string assumptions() const;

 private:
  [[nodiscard]] double moved(const StepShape& shape) const;
  [[nodiscard]] double received(const StepShape& shape, std::size_t stage) const;
  [[nodiscard]] double guessed(double start, const StepShape& shape) const;

  std::vector<std::unique_ptr<OperationPrices>> stages_;
  std::unique_ptr<OperationPrices> drafter_;
  Collectives collectives_;
  std::int64_t tensor_ = 1;  // GPUs of a stage
  double token_bytes_ = 0;   // that a stage hands on
  std::string drafter_name_;
  std::int64_t guesses_ = 0;
  double host_ = 0, host_per_sequence_ = 0;
  double slot_bytes_ = 0;  // of a token's room in a block, all its layers
  double memory_bandwidth_ = 0, host_bandwidth_ = 0;
  double swap_launches_ = 0;                // of the copies that move a token's room
  mutable std::int64_t steps_outside_ = 0;  // only counted, never read by a price
};

}  // namespace kvsim
