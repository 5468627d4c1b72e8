#pragma once
// What would change the winner: the worlds that a planner asks about, as configs.

#include <string>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/model/report.h"

namespace kvsim {

struct OtherWorld {
  std::string change;  ///< "+10 % output length".
  ConfigView config;
};

/// Longer answers, longer prompts, more requests, less memory, no shared prefixes: those that mean
/// something for `config`, which gave `report`.
[[nodiscard]] std::vector<OtherWorld> other_worlds(const ConfigView& config, const Report& report);

}  // namespace kvsim
