#include "sim/engine/cost/step_cost.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/core/config_schema.h"
#include "sim/engine/cost/step_duration.h"
#include "sim/engine/deployment.h"
#include "sim/engine/drafter.h"
#include "sim/model/device_spec.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/host/step_us", "500", "us", 0, 1e6,
                 "Host time of a step that the GPU waits for: scheduling, inputs, sampling."),
    number_field("/host/sequence_us", "3", "us", 0, 1e6, "The same, for every sequence."),
    number_field("/host/copy_us", "2", "us", 0, 1e6,
                 "Of a swap, for every copy beside its bytes: vLLM V0 made one per block, layer, K "
                 "and V. An assumption; 0: one batched copy."),
};

double as_double(std::int64_t n) { return static_cast<double>(n); }
double as_double(Tokens n) { return static_cast<double>(n.value()); }

/// Layers [first, end) of `model`.
ModelSpec part_of(const ModelSpec& model, std::size_t first, std::size_t end) {
  ModelSpec part = model;
  part.layers.assign(model.layers.begin() + static_cast<std::ptrdiff_t>(first),
                     model.layers.begin() + static_cast<std::ptrdiff_t>(end));
  return part;
}

}  // namespace

StepCost::StepCost(const Setup& setup, const MakePrices& make)
    : collectives_(setup.device, setup.config),
      guesses_(speculation_of(setup.config).drafts.value()),
      host_(setup.config.number("/host/step_us") * 1e-6),
      host_per_sequence_(setup.config.number("/host/sequence_us") * 1e-6) {
  Deployment d = read_deployment(setup.model, setup.config);
  const auto bounds = stage_bounds(setup.model.layers.size(), d.shards.pipeline);
  for (std::size_t i = 1; i < bounds.size(); ++i)
    stages_.push_back(make(PassWork(part_of(setup.model, bounds[i - 1], bounds[i]), d)));
  tensor_ = d.shards.tensor;
  constexpr std::int64_t kTensors = 2;  // activations and residual
  constexpr std::int64_t kWide = 2;     // bytes of an activation
  token_bytes_ = as_double(kTensors * kWide * setup.model.hidden);
  slot_bytes_ = as_double(d.layout.block_bytes().value()) / as_double(d.layout.block);
  const double copies = 2 * as_double(d.layout.slots);  // of a block: K and V of every layer
  swap_launches_ = copies / as_double(d.layout.block) * setup.config.number("/host/copy_us") * 1e-6;
  memory_bandwidth_ = setup.device.bandwidth;
  host_bandwidth_ = setup.device.link.host_bandwidth;
  const auto drafter = load_drafter(setup.model, d, setup.config);
  if (!drafter) return;
  d.weights = drafter->weights;
  drafter_ = make(PassWork(drafter->model, d));
  drafter_name_ = drafter->model.name;
}

Duration StepCost::price(const StepShape& shape) const {
  Duration sum{};
  for (std::size_t i = 0; i < stages_.size(); ++i) sum += price_stage(shape, i);
  return sum;
}

Duration StepCost::price_stage(const StepShape& shape, std::size_t stage) const {
  const OperationPrices& pass = *stages_[stage];
  const std::int64_t outside = pass.outside();
  const double sequences = as_double(shape.decodes + shape.prefills);
  const double start =
      host_ + host_per_sequence_ * sequences + moved(shape) + received(shape, stage);
  double end = 0;
  if (stage + 1 < stages_.size()) {
    StepShape unsampled = shape;
    unsampled.samples = 0;
    end = pass.end(start, unsampled);
  } else {
    end = pass.end(start, shape);
    if (drafter_) end = guessed(end, shape);
  }
  if (stage == 0 && pass.outside() > outside) ++steps_outside_;
  return step_duration(end);
}

double StepCost::received(const StepShape& shape, std::size_t stage) const {
  if (stage == 0) return 0;
  const double bytes = as_double(shape.tokens()) * token_bytes_;
  const auto sender = static_cast<std::int64_t>(stage - 1) * tensor_;
  return collectives_.send(bytes / as_double(tensor_),
                           collectives_.between_nodes(sender, tensor_)) +
         collectives_.all_gather(collectives_.group(tensor_), bytes);
}

// What every token passes, be it of a prompt or an answer; attention, logits and guesses come on
// top. A nanosecond less, because the sum is rounded in another order.
Duration StepCost::at_least(Tokens tokens) const {
  const double n = as_double(tokens);
  double passed = 0;
  for (const auto& stage : stages_)
    passed += stage->linears(n) + stage->experts(n) + stage->all_reduce(n) + stage->exchange(n);
  return std::max(step_duration(host_ + host_per_sequence_ + passed) - Duration(1), Duration(1));
}

std::string StepCost::assumptions() const {
  const std::string guesser =
      drafter_ ? fmt::format(", {} guesses of {}", guesses_, drafter_name_) : "";
  return fmt::format("{:.0f} us host{}", host_ * 1e6, guesser);
}

// The pieces of a swap cross the link one after the other, and each has to be started: small blocks
// make swaps slow (the PagedAttention paper, Fig. 19). Source: swap_blocks() of vLLM V0's
// csrc/cache_kernels.cu, one cudaMemcpyAsync per block and tensor, one tensor per layer, K and V.
double StepCost::moved(const StepShape& s) const {
  if (s.copied_tokens + s.swapped_tokens == Tokens(0)) return 0;
  return 2 * as_double(s.copied_tokens) * slot_bytes_ / memory_bandwidth_ +
         as_double(s.swapped_tokens) * (slot_bytes_ / host_bandwidth_ + swap_launches_);
}

// First the drafter reads what the model has read, prompts and guesses alike, and makes its first
// guess; then it goes on from its own, a token a pass, for every sequence that sampled.
double StepCost::guessed(double start, const StepShape& shape) const {
  StepShape first = shape;
  first.samples = shape.sampling;
  const double first_end = drafter_->end(start, first);
  if (shape.sampling == 0) return first_end;
  StepShape next;
  next.decodes = next.samples = shape.sampling;
  next.decode_context = next.local_decode_context = shape.sampling_context;
  next.decode_pairs = next.local_decode_pairs = shape.sampling_context.value();
  return first_end + as_double(guesses_ - 1) * drafter_->end(0, next);
}

}  // namespace kvsim
