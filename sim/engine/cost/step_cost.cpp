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
};

double as_double(std::int64_t n) { return static_cast<double>(n); }
double as_double(Tokens n) { return static_cast<double>(n.value()); }

Deployment deployment_of(const CostModel::Setup& setup) {
  Deployment d = read_deployment(setup.model, setup.config);
  if (d.shards.pipeline > 1)
    setup.config.fail("/pipeline_parallel_size",
                      "steps are priced on one pipeline stage only; use 1 and more "
                      "tensor_parallel_size (kvsim calc sizes pipelines)");
  return d;
}

}  // namespace

StepCost::StepCost(const Setup& setup, const MakePrices& make)
    : guesses_(speculation_of(setup.config).drafts.value()),
      host_(setup.config.number("/host/step_us") * 1e-6),
      host_per_sequence_(setup.config.number("/host/sequence_us") * 1e-6) {
  Deployment d = deployment_of(setup);
  target_ = make(PassWork(setup.model, d));
  slot_bytes_ = as_double(d.layout.block_bytes().value()) / as_double(d.layout.block);
  memory_bandwidth_ = setup.device.bandwidth;
  host_bandwidth_ = setup.device.link.host_bandwidth;
  const auto drafter = load_drafter(setup.model, d, setup.config);
  if (!drafter) return;
  d.weights = drafter->weights;
  drafter_ = make(PassWork(drafter->model, d));
  drafter_name_ = drafter->model.name;
}

Duration StepCost::price(const StepShape& shape) const {
  const std::int64_t outside = target_->outside();
  const double sequences = as_double(shape.decodes + shape.prefills);
  const double verified =
      target_->end(host_ + host_per_sequence_ * sequences + moved(shape), shape);
  if (target_->outside() > outside) ++steps_outside_;
  return step_duration(drafter_ ? guessed(verified, shape) : verified);
}

// What every token passes, be it of a prompt or an answer; attention, logits and guesses come on
// top. A nanosecond less, because the sum is rounded in another order.
Duration StepCost::at_least(Tokens tokens) const {
  const double n = as_double(tokens);
  const double passed = target_->linears(n) + target_->experts(n) + target_->all_reduce(n);
  return std::max(step_duration(host_ + host_per_sequence_ + passed) - Duration(1), Duration(1));
}

std::string StepCost::assumptions() const {
  const std::string guesser =
      drafter_ ? fmt::format(", {} guesses of {}", guesses_, drafter_name_) : "";
  return fmt::format("{:.0f} us host{}", host_ * 1e6, guesser);
}

// Swaps at the link's bandwidth, whatever the size of the pieces: the launches of many small
// copies (the PagedAttention paper, Fig. 19: small blocks make swaps slow) are not priced.
double StepCost::moved(const StepShape& s) const {
  if (s.copied_tokens + s.swapped_tokens == Tokens(0)) return 0;
  return 2 * as_double(s.copied_tokens) * slot_bytes_ / memory_bandwidth_ +
         as_double(s.swapped_tokens) * slot_bytes_ / host_bandwidth_;
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
