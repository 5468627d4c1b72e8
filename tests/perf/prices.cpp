// A step's price: a chunk of a prompt beside 64 decodes, whose lengths move on from step to step.
#include <fmt/format.h>

#include "sim/engine/catalog.h"
#include "tests/perf/bench.h"

namespace kvsim::perf {
namespace {

Figures price(const std::string& cost, const std::string& model) {
  ConfigView config;
  config.set("/cost=" + cost);
  config.set("/model=" + model);
  const ModelSpec spec = load_model(config);
  const DeviceSpec device = load_device(config);
  const auto prices = load_cost_model(spec, device, config);
  StepShape shape;
  for (std::int64_t i = 0; i < 64; ++i) shape.add_decode(Tokens(1000 + 50 * i), spec.local);
  shape.add_prefill(Tokens(2000), Tokens(512), spec.local);
  shape.samples = shape.decodes;
  constexpr int kPrices = 1'000'000;
  Duration sum(0);
  const Stopwatch watch;
  for (int i = 0; i < kPrices; ++i) {
    shape.decode_context += Tokens(shape.decodes);
    sum += prices->price(shape);
  }
  const double took = watch.seconds();
  if (sum == Duration(0)) return {};  // the sum is used, so the prices are computed
  return {{"", took / kPrices * 1e9, "ns"}};
}

void prices(Bench& bench) {
  for (const std::string cost : {"roofline", "imported"})
    for (const std::string model : {"llama-3.1-8b", "gemma-2-9b"})
      bench.measure(fmt::format("{} {}", cost, model), [=] { return price(cost, model); });
}

const Subject kPrices{"prices", prices};

}  // namespace
}  // namespace kvsim::perf
