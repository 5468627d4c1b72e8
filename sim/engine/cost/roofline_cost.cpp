// Prices a step from data sheets (roofline_prices.h).

#include <fmt/format.h>

#include "sim/engine/cost/roofline_prices.h"
#include "sim/engine/cost/step_cost.h"

namespace kvsim {
namespace {

class Roofline final : public StepCost {
 public:
  explicit Roofline(const Setup& setup)
      : StepCost(setup,
                 [&setup](PassWork work) {
                   return std::make_unique<RooflinePrices>(std::move(work), setup.device,
                                                           setup.config);
                 }),
        device_(setup.device.name) {}

  [[nodiscard]] CostProvenance provenance() const override {
    const auto& prices = dynamic_cast<const RooflinePrices&>(target());
    return {"roofline", fmt::format("{}: {}, {}", device_, prices.speeds(), assumptions())};
  }

 private:
  std::string device_;
};

const Registered<CostModel, Roofline> kRoofline{
    "roofline", "Bytes over bandwidth or FLOPs over peak, at published shares of the data sheet."};

}  // namespace
}  // namespace kvsim
