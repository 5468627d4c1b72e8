#pragma once
// A hit-rate curve as text: a table and a plot for people, CSV and JSON for scripts.

#include <string>

#include "sim/model/hit_curve.h"

namespace kvsim {

/// For each rule block hit rates by policy and capacity, the best policy of each column starred.
[[nodiscard]] std::string curve_table(const HitCurve& curve);
/// For each rule block hit rate over capacity (logarithmic), in characters; "" where there are not
/// two capacities to draw between.
[[nodiscard]] std::string curve_plot(const HitCurve& curve);
/// One line per row, under the names of the JSON.
[[nodiscard]] std::string curve_csv(const HitCurve& curve);
/// {"schema_version", "trace", "block_tokens", ..., "rows": [{"rule", "policy", ...}]}; a
/// capacity_blocks of null is memory without end. schema/curve.schema.json says it all.
[[nodiscard]] std::string curve_json(const HitCurve& curve);

}  // namespace kvsim
