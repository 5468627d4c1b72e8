#pragma once
// NewTokenRatio: which share of the output still to come SGLang expects to need memory for.
//
// Starts careful, grows bold by one small step per decode, and is set back by every retraction to
// what the running ones have shown to need.
// Source: SGLang, April 2026: python/sglang/srt/managers/scheduler.py (init_new_token_ratio and its
// decay), schedule_batch.py retract_decode (the estimate after a retraction).

#include <algorithm>

#include "sim/core/units.h"

namespace kvsim {

class NewTokenRatio {
 public:
  /// Decode steps that a retraction makes room for, per sequence left.
  static constexpr std::int64_t kRetractSteps = 20;

  explicit NewTokenRatio(double conservativeness)
      : first_(std::min(kFirst * conservativeness, 1.0)),
        least_(std::min(first_ * kLeastShare, 1.0)),
        value_(first_) {}

  [[nodiscard]] double value() const { return value_; }
  void restart() { value_ = first_; }
  void decay() { value_ = std::max(value_ - (first_ - least_) / kDecaySteps, least_); }
  /// After a retraction left `sequences` with this much output, sampled and at most.
  void retracted(Tokens sampled, Tokens at_most, std::int64_t sequences) {
    const std::int64_t soon = sampled.value() + kRetractSteps * sequences;
    value_ = std::min(1.0, static_cast<double>(soon) / static_cast<double>(at_most.value() + 1));
  }

 private:
  static constexpr double kFirst = 0.7;
  static constexpr double kLeastShare = 0.14;
  static constexpr double kDecaySteps = 600;
  double first_;
  double least_;
  double value_;
};

}  // namespace kvsim
