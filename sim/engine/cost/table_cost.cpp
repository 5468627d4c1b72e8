// Prices a step from timings of kernels: our own on this device (`calibrated`), or somebody else's
// (`imported`). Both are one model over one kind of profile (profile.h, table_prices.h).

#include <fmt/format.h>

#include "sim/core/spelling.h"
#include "sim/engine/cost/find_profile.h"
#include "sim/engine/cost/step_cost.h"
#include "sim/engine/cost/table_prices.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

CostProfile profile_of(const CostModel::Setup& setup, bool measured) {
  auto profile = find_profile(setup.device.name, measured, setup.config);
  if (profile) return *std::move(profile);
  setup.config.fail("/cost",
                    fmt::format("no {} cost profile of '{}'; use auto or roofline, or name one in "
                                "/cost_profile",
                                measured ? "measured" : "imported", setup.device.name));
}

class TableCost : public StepCost {
 public:
  TableCost(const Setup& setup, const CostProfile& profile)
      : StepCost(setup,
                 [&](PassWork work) {
                   return std::make_unique<TablePrices>(
                       RooflinePrices(std::move(work), setup.device, setup.config), profile);
                 }),
        kind_(profile.measured ? "measured" : "imported"),
        source_(fmt::format("{} {}: {}", profile.name, profile.id, profile.origin)),
        holdout_error_(profile.holdout_error) {}

  [[nodiscard]] CostProvenance provenance() const override {
    std::string text = fmt::format("{}; {}", source_, assumptions());
    const std::string borrowed = dynamic_cast<const TablePrices&>(target()).borrowed();
    if (!borrowed.empty()) text += "; " + borrowed;
    return {kind_, text, holdout_error_, steps_outside()};
  }

 private:
  std::string kind_, source_;
  double holdout_error_;
};

struct Imported final : TableCost {
  explicit Imported(const Setup& setup) : TableCost(setup, profile_of(setup, false)) {}
};
struct Calibrated final : TableCost {
  explicit Calibrated(const Setup& setup) : TableCost(setup, profile_of(setup, true)) {}
};

const Registered<CostModel, Imported> kImported{
    "imported", "Somebody else's published timings of kernels on this device."};
const Registered<CostModel, Calibrated> kCalibrated{
    "calibrated", "kvsim's own timings of its own kernels on this device."};

}  // namespace
}  // namespace kvsim
