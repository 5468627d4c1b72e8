#pragma once
// A cost model by its config, and steps to price.

#include <memory>
#include <string>

#include "sim/engine/catalog.h"

namespace kvsim {

struct Priced {
  explicit Priced(const std::string& text)
      : config(ConfigView::parse(text, "a.json")),
        model(load_model(config)),
        device(load_device(config)),
        cost(load_cost_model(model, device, config)) {}
  [[nodiscard]] double ms(const StepShape& shape) const { return milliseconds(cost->price(shape)); }
  ConfigView config;
  ModelSpec model;
  DeviceSpec device;
  std::unique_ptr<CostModel> cost;
};

/// `batch` sequences that compute one token each, on `context` tokens, that one included.
inline StepShape decodes(std::int64_t batch, std::int64_t context, const LocalSpan& local = {}) {
  StepShape shape;
  for (std::int64_t i = 0; i < batch; ++i) shape.add_decode(Tokens(context), local);
  shape.samples = batch;
  return shape;
}

/// One sequence that computes `fresh` tokens on top of `context` and samples one.
inline StepShape prompt(std::int64_t context, std::int64_t fresh, const LocalSpan& local = {}) {
  StepShape shape;
  shape.add_prefill(Tokens(context), Tokens(fresh), local);
  shape.samples = 1;
  return shape;
}

}  // namespace kvsim
