#include "sim/engine/cost/find_profile.h"

#include <fmt/format.h>

#include "sim/core/config_schema.h"
#include "sim/engine/catalog.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    text_field("/cost_profile", "null",
               "Path of a cost profile like those of configs/costs; null is the device's."),
};

std::optional<CostProfile> named_profile(const std::string& device, const ConfigView& config) {
  if (!config.has("/cost_profile")) return std::nullopt;
  const ConfigFile found = read_config_file("/cost_profile", config.text("/cost_profile"), config);
  CostProfile profile = parse_profile(found.text, found.file, found.name);
  if (profile.device != device)
    throw InputError(found.file, "/device/name",
                     fmt::format("a profile of '{}', but the device is '{}'; set /device or "
                                 "another /cost_profile",
                                 profile.device, device));
  return profile;
}

}  // namespace

std::optional<CostProfile> find_profile(const std::string& device, bool measured,
                                        const ConfigView& config) {
  std::optional<CostProfile> named = named_profile(device, config);
  if (!named) return builtin_profile(device, measured);
  if (named->measured != measured)
    config.fail("/cost_profile", fmt::format("an {} profile; set /cost to {}",
                                             named->measured ? "own, measured" : "imported",
                                             named->measured ? "calibrated" : "imported"));
  return named;
}

std::string best_cost_model(const std::string& device, const ConfigView& config) {
  if (const auto named = named_profile(device, config))
    return named->measured ? "calibrated" : "imported";
  if (builtin_profile_exists(device, true)) return "calibrated";
  return builtin_profile_exists(device, false) ? "imported" : "roofline";
}

}  // namespace kvsim
