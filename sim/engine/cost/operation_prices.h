#pragma once
// OperationPrices: what the phases of a forward pass take on one GPU, in seconds; and their sum.
//
// The composition of a step is one, in end(); where the prices come from is two: data sheets
// (roofline_prices.h) or timings of kernels (table_prices.h).

#include "sim/model/step.h"

namespace kvsim {

class OperationPrices {
 public:
  virtual ~OperationPrices() = default;

  /// When a pass over `shape` ends that starts at `start`, phases one after the other.
  [[nodiscard]] double end(double start, const StepShape& shape) const {
    const auto sequences = static_cast<double>(shape.decodes + shape.prefills);
    const auto tokens = static_cast<double>(shape.tokens().value());
    return start + linears(tokens) + experts(tokens) + decode_attention(shape) +
           prefill_attention(shape) + head(static_cast<double>(shape.samples)) + mamba(sequences) +
           all_reduce(tokens) + exchange(tokens);
  }

  /// Dense matrices of all layers, with norms, activations and RoPE between them.
  [[nodiscard]] virtual double linears(double tokens) const = 0;
  /// Routed experts of all layers.
  [[nodiscard]] virtual double experts(double tokens) const = 0;
  /// Attention of all layers, for those that compute their newest token...
  [[nodiscard]] virtual double decode_attention(const StepShape& shape) const = 0;
  /// ... and for those that compute prompts. The KV is written by the way.
  [[nodiscard]] virtual double prefill_attention(const StepShape& shape) const = 0;
  /// Logits of the sampled tokens.
  [[nodiscard]] virtual double head(double samples) const = 0;
  /// States of all Mamba layers, read and written.
  [[nodiscard]] virtual double mamba(double sequences) const = 0;
  /// Between the GPUs, after attention and feed-forward of every layer.
  [[nodiscard]] virtual double all_reduce(double tokens) const = 0;
  /// Between data-parallel ranks: tokens to their experts, and back, in every layer that has some.
  [[nodiscard]] virtual double exchange(double tokens) const = 0;

  /// Queries so far that lay outside what was timed and were answered by physics beyond its edge.
  [[nodiscard]] virtual std::int64_t outside() const { return 0; }
};

}  // namespace kvsim
