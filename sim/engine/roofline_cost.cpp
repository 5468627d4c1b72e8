// Prices a step from data sheets: every phase takes as long as its bytes or its FLOPs, whichever is
// slower, at the shares of peak that published kernels reach.
//
// step = host + linears + experts + attention (decode, prefill) + Mamba + head + all-reduce + moved
// KV (copies on write read and write device memory, swaps cross the host link), the work of one
// tensor-parallel rank, phases one after the other. O(1) in the batch, and monotone: more work
// never costs less. The shares stand in configs/devices/*.json with their sources; the constants
// below are the rest. Roofline model: Williams, Waterman, Patterson, CACM 52(4), 2009. A drafter
// takes its own passes after the model's, k for k guesses, on the same terms; its window is not
// modelled. What is verified costs what it is: one reading of the context for all guesses.
// Deviations from a real step: no split-count or wave effects, no overlap of phases.

#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "sim/core/config_schema.h"
#include "sim/engine/deployment.h"
#include "sim/engine/drafter.h"
#include "sim/engine/step_duration.h"
#include "sim/model/cost_model.h"
#include "sim/model/device_spec.h"
#include "sim/model/model_spec.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/roofline/step_us", "500", "us", 0, 1e6,
                 "Host time of a step that the GPU waits for: scheduling, inputs, sampling."),
    number_field("/roofline/sequence_us", "3", "us", 0, 1e6, "The same, for every sequence."),
    number_field("/roofline/decode_bandwidth", "null", "share of peak", 0.01, 1,
                 "Decode attention; null is the device's."),
    number_field("/roofline/gemm_bandwidth", "null", "share of peak", 0.01, 1,
                 "Reading weights for few rows; null is the device's."),
    number_field("/roofline/gemm_flops", "null", "share of peak", 0.01, 1,
                 "Linear layers over many rows; null is the device's."),
    number_field("/roofline/prefill_flops", "null", "share of peak", 0.01, 1,
                 "Causal attention over prompts; null is the device's."),
};

// Floors of a layer, whatever its size, from the H200 timings of NVIDIA aiconfigurator
// (Apache-2.0): decode attention over next to no KV takes 8.5 to 11.3 us; norms, activation and
// RoPE are three kernels of some 2 us.
constexpr double kAttentionFloor = 8.5e-6;
constexpr double kElementwiseFloor = 3 * 2e-6;
constexpr double kWide = 2;  // bytes of an activation
// Passes over the residual stream around the two norms of a layer: x and the residual, in and out.
constexpr double kResidualPasses = 8;
// Passes over the feed-forward's inner width: gate and up in, their product out.
constexpr double kInnerPasses = 3;
constexpr double kAllReducesPerLayer = 2;

/// Bytes and FLOPs per unit of work.
struct Work {
  double bytes = 0;
  double flops = 0;
};
/// How fast a phase goes.
struct Speed {
  double bandwidth = 0;
  double flops = 0;
  [[nodiscard]] double seconds(double bytes, double flop) const {
    return std::max(bytes / bandwidth, flop / flops);
  }
};

double as_double(std::int64_t n) { return static_cast<double>(n); }
double as_double(Tokens n) { return static_cast<double>(n.value()); }

double share(const ConfigView& config, const std::string& pointer, double of_device) {
  return config.has(pointer) ? config.number(pointer) : of_device;
}

// One model's part of a step: everything but the host.
class ForwardPass {
 public:
  ForwardPass(const ModelSpec& model, const DeviceSpec& device, const ConfigView& config,
              const Deployment& d) {
    read_speeds(device, config, d);
    read_linears(model, d);
    read_attention(model, d);
    read_collectives(model, device, d);
  }

  /// When a pass over `shape` ends that starts at `start`, in seconds.
  [[nodiscard]] double end(double start, const StepShape& shape) const {
    const double sequences = as_double(shape.decodes + shape.prefills);
    const double tokens = as_double(shape.tokens());
    return start + linears(tokens) + experts(tokens) + decode_attention(shape) +
           prefill_attention(shape) + head(as_double(shape.samples)) + mamba(sequences) +
           all_reduce(tokens);
  }
  [[nodiscard]] std::string speeds() const {
    return fmt::format(
        "{:.0f} GB/s decode, {:.0f} GB/s weights, {:.0f} TFLOP/s linear, {:.0f} TFLOP/s prefill",
        decode_.bandwidth * 1e-9, gemm_.bandwidth * 1e-9, gemm_.flops * 1e-12,
        prefill_.flops * 1e-12);
  }

 private:
  void read_speeds(const DeviceSpec& device, const ConfigView& c, const Deployment& d) {
    const DeviceEfficiency& e = device.efficiency;
    decode_.bandwidth =
        device.bandwidth * share(c, "/roofline/decode_bandwidth", e.decode_bandwidth);
    prefill_.bandwidth = decode_.bandwidth;
    prefill_.flops = device.bf16_flops * share(c, "/roofline/prefill_flops", e.prefill_flops);
    decode_.flops = prefill_.flops;
    gemm_.bandwidth = device.bandwidth * share(c, "/roofline/gemm_bandwidth", e.gemm_bandwidth);
    const double gemm_flops = share(c, "/roofline/gemm_flops", e.gemm_flops);
    gemm_.flops = device.flops(d.weights) * gemm_flops;
    head_gemm_ = {gemm_.bandwidth, device.bf16_flops * gemm_flops};
  }

  void read_linears(const ModelSpec& m, const Deployment& d) {
    const ParameterCount all = count_parameters(m, d.shards.tensor);
    ParameterCount dense = all;
    dense.experts = dense.embeddings = dense.head = 0;
    dense_.bytes = as_double(weight_bytes(dense, d.weights).value());
    dense_.flops = 2 * as_double(dense.total() - dense.norms);
    // A tied head is the embedding, read once more.
    const ParameterCount head{.head = (m.vocab + d.shards.tensor - 1) / d.shards.tensor * m.hidden};
    head_.bytes = as_double(weight_bytes(head, d.weights).value());
    head_.flops = 2 * as_double(head.head);
    layers_ = as_double(static_cast<std::int64_t>(m.layers.size()));
    inner_bytes_ =
        kWide * kInnerPasses * as_double(m.feed_forward.intermediate) / as_double(d.shards.tensor);
    residual_bytes_ = kWide * kResidualPasses * as_double(m.hidden);
    if (!m.experts) return;
    const ParameterCount routed{.experts = all.experts};
    expert_count_ = as_double(m.experts->count);
    experts_per_token_ = as_double(m.experts->per_token);
    experts_.bytes = as_double(weight_bytes(routed, d.weights).value());
    experts_.flops = 2 * as_double(all.experts) * experts_per_token_ / expert_count_;
  }

  void read_attention(const ModelSpec& m, const Deployment& d) {
    const std::int64_t ways = d.shards.tensor;
    const double heads = as_double(m.attention.heads) / as_double(ways);
    const KvLayerBytes kv = kv_layer_bytes(m, d.kv, ways);
    kv_bytes_ =
        as_double(kv.token_bits) / 8 + as_double(kv.per_block.value()) / as_double(d.layout.block);
    decode_pair_flops_ = prefill_pair_flops_ = 4 * heads * as_double(m.attention.head_dim);
    if (m.latent) {
      // Decode works in the latent space (scores over rank + rope, values over rank); prefill
      // expands keys and values first.
      const LatentShape& l = *m.latent;
      decode_pair_flops_ = 2 * heads * as_double(2 * l.kv_rank + l.rope_dim);
      prefill_pair_flops_ = 2 * heads * as_double(l.nope_dim + l.rope_dim + l.value_dim);
    }
    full_layers_ = as_double(m.layer_count(Mixer::kAttention));
    local_layers_ = as_double(m.layer_count(Mixer::kLocal));
    // A Mamba layer reads and writes the state of every sequence.
    state_bytes_ = 2 * as_double(state_bytes(m, ways).value());
  }

  void read_collectives(const ModelSpec& m, const DeviceSpec& device, const Deployment& d) {
    const double ways = as_double(d.shards.tensor);
    if (d.shards.tensor == 1) return;
    const DeviceLink& link = device.link;
    const double per_token =
        kWide * as_double(m.hidden) * 2 * (ways - 1) / ways;  // ring: sent per GPU
    all_reduce_floor_ = kAllReducesPerLayer * layers_ * link.latency;
    all_reduce_per_token_ =
        kAllReducesPerLayer * layers_ * per_token / (link.bandwidth * link.efficiency);
  }

  [[nodiscard]] double linears(double tokens) const {
    const double elementwise =
        layers_ *
        (kElementwiseFloor + tokens * (residual_bytes_ + inner_bytes_) / decode_.bandwidth);
    return gemm_.seconds(dense_.bytes, tokens * dense_.flops) + elementwise;
  }
  // Tokens choose their experts independently: of E, E(1-(1-k/E)^n) are expected to be needed.
  [[nodiscard]] double experts(double tokens) const {
    if (expert_count_ == 0) return 0;
    const double touched = 1 - std::pow(1 - experts_per_token_ / expert_count_, tokens);
    return gemm_.seconds(touched * experts_.bytes, tokens * experts_.flops);
  }
  [[nodiscard]] double decode_attention(const StepShape& s) const {
    if (s.decodes == 0) return 0;
    const double read = full_layers_ * as_double(s.decode_context) +
                        local_layers_ * as_double(s.local_decode_context);
    const double pairs =
        full_layers_ * as_double(s.decode_pairs) + local_layers_ * as_double(s.local_decode_pairs);
    return (full_layers_ + local_layers_) * kAttentionFloor +
           decode_.seconds(read * kv_bytes_, pairs * decode_pair_flops_);
  }
  [[nodiscard]] double prefill_attention(const StepShape& s) const {
    if (s.prefills == 0) return 0;
    const double read = full_layers_ * as_double(s.prefill_context) +
                        local_layers_ * as_double(s.local_prefill_context);
    const double pairs = full_layers_ * as_double(s.prefill_pairs) +
                         local_layers_ * as_double(s.local_prefill_pairs);
    return (full_layers_ + local_layers_) * kAttentionFloor +
           prefill_.seconds(read * kv_bytes_, pairs * prefill_pair_flops_);
  }
  [[nodiscard]] double head(double samples) const {
    return samples == 0 ? 0 : head_gemm_.seconds(head_.bytes, samples * head_.flops);
  }
  [[nodiscard]] double mamba(double sequences) const {
    return sequences * state_bytes_ / decode_.bandwidth;
  }
  [[nodiscard]] double all_reduce(double tokens) const {
    return all_reduce_floor_ + tokens * all_reduce_per_token_;
  }

  Speed gemm_, head_gemm_, decode_, prefill_;
  Work dense_;    // bytes of a step, FLOPs of a token
  Work head_;     // bytes of a step, FLOPs of a sampled token
  Work experts_;  // bytes of all of them, FLOPs of a token
  double expert_count_ = 0, experts_per_token_ = 0;
  double layers_ = 0, full_layers_ = 0, local_layers_ = 0;
  double residual_bytes_ = 0, inner_bytes_ = 0;  // of a token in a layer
  double kv_bytes_ = 0;                          // of a token in a layer
  double decode_pair_flops_ = 0, prefill_pair_flops_ = 0;
  double state_bytes_ = 0;  // of a sequence
  double all_reduce_floor_ = 0, all_reduce_per_token_ = 0;
};

class Roofline final : public CostModel {
 public:
  explicit Roofline(const Setup& setup) : Roofline(setup, deployment_of(setup)) {}

  [[nodiscard]] Duration price(const StepShape& shape) const override {
    const double sequences = as_double(shape.decodes + shape.prefills);
    const double verified =
        target_.end(host_ + host_per_sequence_ * sequences + moved(shape), shape);
    return step_duration(drafter_ ? guessed(verified, shape) : verified);
  }

  [[nodiscard]] CostProvenance provenance() const override {
    const std::string guesser =
        drafter_ ? fmt::format(", {} guesses of {}", guesses_, drafter_name_) : "";
    return {"roofline", fmt::format("{}: {}, {:.0f} us host{}", device_, target_.speeds(),
                                    host_ * 1e6, guesser)};
  }

 private:
  static Deployment deployment_of(const Setup& setup) {
    Deployment d = read_deployment(setup.model, setup.config);
    if (d.shards.pipeline > 1)
      setup.config.fail("/pipeline_parallel_size",
                        "steps are priced on one pipeline stage only; use 1 and more "
                        "tensor_parallel_size (kvsim calc sizes pipelines)");
    return d;
  }
  Roofline(const Setup& setup, Deployment d)
      : device_(setup.device.name),
        target_(setup.model, setup.device, setup.config, d),
        guesses_(speculation_of(setup.config).drafts.value()),
        host_(setup.config.number("/roofline/step_us") * 1e-6),
        host_per_sequence_(setup.config.number("/roofline/sequence_us") * 1e-6) {
    slot_bytes_ = as_double(d.layout.block_bytes().value()) / as_double(d.layout.block);
    memory_bandwidth_ = setup.device.bandwidth;
    host_bandwidth_ = setup.device.link.host_bandwidth;
    const auto drafter = load_drafter(setup.model, d, setup.config);
    if (!drafter) return;
    d.weights = drafter->weights;
    drafter_.emplace(drafter->model, setup.device, setup.config, d);
    drafter_name_ = drafter->model.name;
  }

  // Swaps at the link's bandwidth, whatever the size of the pieces: the launches of many small
  // copies (the PagedAttention paper, Fig. 19: small blocks make swaps slow) are not priced.
  [[nodiscard]] double moved(const StepShape& s) const {
    if (s.copied_tokens + s.swapped_tokens == Tokens(0)) return 0;
    return 2 * as_double(s.copied_tokens) * slot_bytes_ / memory_bandwidth_ +
           as_double(s.swapped_tokens) * slot_bytes_ / host_bandwidth_;
  }

  // First the drafter reads what the model has read, prompts and guesses alike, and makes its first
  // guess; then it goes on from its own, a token a pass, for every sequence that sampled.
  [[nodiscard]] double guessed(double start, const StepShape& shape) const {
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

  std::string device_;
  ForwardPass target_;
  std::optional<ForwardPass> drafter_;
  std::string drafter_name_;
  std::int64_t guesses_;
  double host_, host_per_sequence_;
  double slot_bytes_ = 0;  // of a token's room in a block, all its layers
  double memory_bandwidth_ = 0, host_bandwidth_ = 0;
};

const Registered<CostModel, Roofline> kRoofline{
    "roofline", "Bytes over bandwidth or FLOPs over peak, at published shares of the data sheet."};

}  // namespace
}  // namespace kvsim
