#pragma once
// Several runs side by side: which columns, which value is the best, and what it comes down to.
//
// Only variants that lost the fewest requests compete for "best": turning work away makes every
// latency look good. Values that print the same are equally good, and a column in which all
// competitors are equal has no best.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/model/report.h"

namespace kvsim {

struct Variant {
  std::string label;
  nlohmann::ordered_json settings;  ///< What makes it differ: {"/cache/eviction": "lru", ...}.
  Report report;
};

enum class Better : std::uint8_t { kLower, kHigher };

struct Column {
  std::string_view name;                 ///< For scripts and --sort: "ttft_p99_ms".
  std::string_view heading, subheading;  ///< For people: "TTFT" over "p99 ms".
  std::string_view unit;                 ///< As the verdict writes it behind the value.
  std::string_view sentence;             ///< As the verdict calls it: "mean end-to-end latency".
  Better better;
  int decimals;
  double scale;  ///< From the value to what is shown: 100 for a share shown in percent.
  double (*value)(const Report&);
};

[[nodiscard]] std::span<const Column> comparison_columns();
/// The column called `name`; throws InputError naming the nearest one if there is none.
[[nodiscard]] const Column& comparison_column(std::string_view name);
/// What a verdict is about if nobody asks for another column.
inline constexpr std::string_view kVerdictColumn = "e2e_mean_ms";

/// The value as it is shown, with the column's decimals.
[[nodiscard]] std::string shown(const Column& column, const Report& report);
/// For each variant: is its value the best of the column?
[[nodiscard]] std::vector<bool> best_of(const Column& column, std::span<const Variant> variants);
/// Best first; equals and losers of requests keep their order, the latter at the end.
void sort_by(const Column& column, std::vector<Variant>& variants);
/// One sentence: who is best in `column`, and by how much.
[[nodiscard]] std::string verdict(const Column& column, std::span<const Variant> variants);

}  // namespace kvsim
