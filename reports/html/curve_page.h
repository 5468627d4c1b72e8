#pragma once
// The page of `kvsim curve --html FILE`: hit rates over cache size, drawn and as a table.

#include <nlohmann/json_fwd.hpp>

#include "sim/model/hit_curve.h"

namespace kvsim {

/// A page without runs (payload.h); its title is where the policies differ most.
[[nodiscard]] nlohmann::ordered_json curve_page(const HitCurve& curve);

}  // namespace kvsim
