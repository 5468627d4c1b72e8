// Prices a step by three constants: for tests, and for examples to follow with pencil and paper.
//
// step + prefill tokens * token + decodes * decode. Knows neither model nor device. Guessing tokens
// ahead costs nothing here: a decode that verifies guesses is still one decode. The stages of a
// pipeline each take an even share.

#include <fmt/format.h>

#include "sim/core/config_schema.h"
#include "sim/engine/cost/step_duration.h"
#include "sim/model/cost_model.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/constant_cost/step_us", "5000", "us", 0, 1e9, "Every step, whatever it does."),
    number_field("/constant_cost/prefill_token_ns", "25000", "ns", 0, 1e9,
                 "Every prompt token computed."),
    number_field("/constant_cost/decode_us", "20", "us", 0, 1e9,
                 "Every sequence that decodes one token."),
};

class ConstantCost final : public CostModel {
 public:
  explicit ConstantCost(const Setup& setup)
      : step_us_(setup.config.number("/constant_cost/step_us")),
        prefill_token_ns_(setup.config.number("/constant_cost/prefill_token_ns")),
        decode_us_(setup.config.number("/constant_cost/decode_us")),
        stages_(static_cast<std::size_t>(setup.config.integer("/pipeline_parallel_size"))),
        guesses_(speculation_of(setup.config).drafts > Tokens(0)) {}

  [[nodiscard]] Duration price(const StepShape& shape) const override {
    return price_stage(shape, 0) * static_cast<std::int64_t>(stages_);
  }
  [[nodiscard]] std::size_t stages() const override { return stages_; }
  [[nodiscard]] Duration price_stage(const StepShape& shape, std::size_t /*stage*/) const override {
    const double ns = 1e3 * step_us_ +
                      prefill_token_ns_ * static_cast<double>(shape.prefill_new.value()) +
                      1e3 * decode_us_ * static_cast<double>(shape.decodes);
    return step_duration(ns * 1e-9 / static_cast<double>(stages_));
  }
  // A token of a prompt, one that is decoded, or a guess, which is free.
  [[nodiscard]] Duration at_least(Tokens tokens) const override {
    const double cheapest = guesses_ ? 0 : std::min(prefill_token_ns_, 1e3 * decode_us_);
    const double ns = 1e3 * step_us_ + cheapest * static_cast<double>(tokens.value());
    return std::max(step_duration(ns * 1e-9) - Duration(1), Duration(1));
  }
  [[nodiscard]] CostProvenance provenance() const override {
    return {"exact", fmt::format("constant: {} us a step, {} ns a prefill token, {} us a decode",
                                 step_us_, prefill_token_ns_, decode_us_)};
  }

 private:
  double step_us_, prefill_token_ns_, decode_us_;
  std::size_t stages_;
  bool guesses_;
};

const Registered<CostModel, ConstantCost> kConstant{
    "constant", "Fixed times per step, prefill token and decode."};

}  // namespace
}  // namespace kvsim
