#pragma once
// From timings to a cost profile: the laws of configs/costs/*.json.

#include <nlohmann/json.hpp>

#include "kernels/fit/fit_law.h"

namespace kvsim {

/// Errors on held-out rows, over the whole table.
struct HoldoutErrors {
  ErrorSummary decode;        ///< Decode rows beside the grid, those from the cache left out.
  ErrorSummary large_decode;  ///< Of them those whose KV is large (above_bytes in the profile).
  ErrorSummary prefill;
  ErrorSummary gemm;
  ErrorSummary all_reduce;  ///< Of the fit: every row took part.
};

/// `samples` as import_published.py writes them: for every operation a grid of shapes, and timed
/// rows on and beside it. Rows on the grid are fitted, the rest is held out.
///
/// Timings repeat a launch on the same KV, so a decode whose KV fits the device's L2 may have been
/// served from there. In a real step it cannot: between two visits of a layer the GPU reads every
/// other layer. Such rows say nothing of memory: the physics is fitted without them, and where they
/// are faster than it, it stands.
/// `errors` are set to those of the rows that were held out.
/// Throws nlohmann::json::exception or std::invalid_argument for what is no such thing.
[[nodiscard]] nlohmann::ordered_json make_profile(const nlohmann::ordered_json& samples,
                                                  HoldoutErrors& errors);

/// One line for each family and table: compact, and a change shows as a few lines.
[[nodiscard]] std::string profile_text(const nlohmann::ordered_json& profile);

}  // namespace kvsim
