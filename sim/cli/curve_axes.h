#pragma once
// The axes of `kvsim curve` as typed: policies, rules and capacities, checked.

#include <string>
#include <vector>

#include "sim/engine/curve/curve.h"

namespace kvsim {

/// Each throws InputError for what is not known, naming the option.
[[nodiscard]] std::vector<std::string> rules_from(const std::string& list);
[[nodiscard]] std::vector<std::string> policies_from(const std::string& list);
/// Numbers of blocks, shares of `working_set` (0 < x < 1; rounded down, at least one block), "inf".
[[nodiscard]] std::vector<std::optional<std::int64_t>> capacities_from(const std::string& list,
                                                                       std::int64_t working_set);

}  // namespace kvsim
