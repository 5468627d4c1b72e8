#pragma once
// What `compare` runs: one config per variant, out of --set lists or of the config's own variants.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/cli/config_file.h"
#include "sim/core/config_view.h"

namespace kvsim {

/// What a person compares.
inline constexpr std::size_t kMostVariants = 1000;

struct PlannedRun {
  std::string label;
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();  ///< How it differs.
  ConfigView config;
};

/// "a,b,c" as a, b and c. Commas inside [], {} and "" do not count.
[[nodiscard]] std::vector<std::string> split_values(std::string_view list);

/// `sets` are "/pointer=value" or "/pointer=a,b,c", in order. Lists span a cross product, the first
/// one slowest; without any, the config's /variants are taken, and without those every memory
/// manager with each of its policies. A single value holds for all, over what a variant says.
/// Throws InputError where lists span more than `most`.
[[nodiscard]] std::vector<PlannedRun> plan_variants(const LoadedConfig& loaded,
                                                    const std::vector<std::string>& sets,
                                                    std::size_t most = kMostVariants);

/// The same without that default: without lists and variants, one run of what the config says.
[[nodiscard]] std::vector<PlannedRun> plan_points(const LoadedConfig& loaded,
                                                  const std::vector<std::string>& sets);

}  // namespace kvsim
