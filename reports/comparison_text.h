#pragma once
// A comparison as text: a terminal's table, Markdown for a pull request, CSV and JSON for scripts.

#include <span>
#include <string>

#include "reports/comparison.h"

namespace kvsim {

/// One row per variant; the best of each column is marked with a star (and bold, in colour).
[[nodiscard]] std::string comparison_table(std::span<const Variant> variants, const Column& about,
                                           bool colour);
[[nodiscard]] std::string comparison_markdown(std::span<const Variant> variants,
                                              const Column& about);
/// Raw values (shares of 0 to 1) under the columns' names.
[[nodiscard]] std::string comparison_csv(std::span<const Variant> variants);
/// Every key is defined in schema/comparison.schema.json.
[[nodiscard]] std::string comparison_json(std::span<const Variant> variants, const Column& about);

}  // namespace kvsim
