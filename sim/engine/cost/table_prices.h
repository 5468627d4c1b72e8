#pragma once
// TablePrices: a forward pass from timings of kernels: attention by the laws of a profile, matrices
// by its GEMM tables, all-reduces by its lines.
//
// What a profile does not know costs what data sheets say (roofline_prices.h): norms, activations
// and RoPE, routed experts, Mamba, MLA, weights in int4 or int8, more GPUs than were timed. Heads
// it does not know borrow the law of the nearest ones: to a kernel, n sequences of 32 KV heads are
// 4 n sequences of 8. Beyond the timed shapes the physics of a law goes on, and outside() counts
// it. O(1) in the batch: all matrices of the model are one curve over the rows, made once.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sim/engine/cost/profile.h"
#include "sim/engine/cost/roofline_prices.h"

namespace kvsim {

/// Seconds over rows, linear between knots and, by the last slope, beyond.
class RowCurve {
 public:
  explicit RowCurve(std::vector<double> rows) : rows_(std::move(rows)), seconds_(rows_.size()) {}
  /// Adds `times` this matrix. Requires the table whose knots the curve was made of.
  void add(const GemmTable& table, const Linear& linear);
  /// Requires `rows` to be positive.
  [[nodiscard]] double at(double rows) const;

 private:
  std::vector<double> rows_, seconds_;
};

class TablePrices final : public OperationPrices {
 public:
  TablePrices(RooflinePrices physics, const CostProfile& profile);

  [[nodiscard]] double linears(double tokens) const override;
  [[nodiscard]] double experts(double tokens) const override { return physics_.experts(tokens); }
  [[nodiscard]] double decode_attention(const StepShape& shape) const override;
  [[nodiscard]] double prefill_attention(const StepShape& shape) const override;
  [[nodiscard]] double head(double samples) const override;
  [[nodiscard]] double mamba(double sequences) const override { return physics_.mamba(sequences); }
  [[nodiscard]] double all_reduce(double tokens) const override;
  [[nodiscard]] double exchange(double tokens) const override { return physics_.exchange(tokens); }
  [[nodiscard]] std::int64_t outside() const override { return outside_; }

  /// What is not priced by the profile's own kernels, in a few words; empty if all is.
  [[nodiscard]] std::string borrowed() const;

 private:
  /// A family's law, and our heads as many sequences of the family's.
  struct Attention {
    KernelLaw law;
    DecodeShape planned;  ///< For the form planner: our heads themselves.
    DecodeDevice planner;
    HeadShape heads;
    double scale = 1;  ///< Sequences of the family that make one of ours.
    double hull_tokens = 0;
    std::string from;  ///< Heads of the family, if they are not ours.
  };
  struct WeightedLines {
    double weight = 0;
    AllReduceLines lines;
  };
  [[nodiscard]] std::optional<Attention> attention(const CostProfile& profile,
                                                   AttentionPhase phase) const;
  void read_gemms(const CostProfile& profile);
  void read_all_reduces(const CostProfile& profile);
  /// Seconds of one layer's decodes over `context` tokens in sum.
  [[nodiscard]] double decode_layer(const StepShape& shape, Tokens context) const;
  [[nodiscard]] double launch(const Attention& attention, const LaunchFeatures& features,
                              double kv_tokens) const;

  RooflinePrices physics_;
  std::optional<RowCurve> linears_, head_;
  std::optional<Attention> decode_, prefill_;
  std::vector<WeightedLines> all_reduce_;
  mutable std::int64_t outside_ = 0;  // only counted, never read by a price
};

}  // namespace kvsim
