#pragma once
// Which cost profile a config means: the file it names, or the one built in for its device.

#include <optional>
#include <string>

#include "sim/core/config_view.h"
#include "sim/engine/cost/profile.h"

namespace kvsim {

/// The profile for `device` that is measured or imported, as said, if there is one. Throws
/// InputError if /cost_profile names a file that cannot be read, is no profile, is of the other
/// source, or of another device.
[[nodiscard]] std::optional<CostProfile> find_profile(const std::string& device, bool measured,
                                                      const ConfigView& config);

/// What "auto" stands for: "calibrated", else "imported", else "roofline".
[[nodiscard]] std::string best_cost_model(const std::string& device, const ConfigView& config);

}  // namespace kvsim
