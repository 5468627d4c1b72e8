#pragma once
// Several runs side by side: which columns, which value is the best, and what it comes down to.
//
// Only variants that lost the fewest requests compete for "best": turning work away makes every
// latency look good. Bounds (an eviction policy that knows the future) never do. Values that print
// the same are equally good, and so are values whose paired difference over several seeds is within
// the noise (paired_difference.h). A column in which all competitors are equal has no best.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "reports/figures.h"
#include "reports/paired_difference.h"
#include "sim/model/report.h"

namespace kvsim {

struct Variant {
  std::string label;
  nlohmann::ordered_json settings;  ///< What makes it differ: {"/cache/eviction": "lru", ...}.
  std::vector<Report> runs;  ///< One per seed, the same seeds for all variants; at least one.
  bool bound = false;        ///< Nobody can serve like that: shown, never compared.

  [[nodiscard]] const Report& first() const { return runs.front(); }
};

struct Column {
  std::string_view name;                 ///< For scripts and --sort: "ttft_p99_ms".
  std::string_view heading, subheading;  ///< For people: "TTFT" over "p99 ms".
  std::string_view unit;                 ///< As the verdict writes it behind the value.
  std::string_view sentence;             ///< As the verdict calls it: "mean end-to-end latency".
  int decimals;
  double scale;             ///< From the value to what is shown: 100 for a share shown in percent.
  std::string_view metric;  ///< A published metric (figures.h) ...
  Statistic statistic;      ///< ... and which of its figures.

  [[nodiscard]] Better better() const;
  /// The figure's key in Figures.
  [[nodiscard]] std::string key() const;
  /// 0 where nothing was measured.
  [[nodiscard]] double value(const Report& report) const;
  /// Of each of its runs.
  [[nodiscard]] std::vector<double> values(const Variant& variant) const;
  /// The mean over the variant's runs, and how sure it is.
  [[nodiscard]] Interval interval(const Variant& variant) const;
  [[nodiscard]] double value(const Variant& variant) const { return interval(variant).mean; }
};

[[nodiscard]] std::span<const Column> comparison_columns();
/// The column called `name`; throws InputError naming the nearest one if there is none.
[[nodiscard]] const Column& comparison_column(std::string_view name);
/// What a verdict is about if nobody asks for another column.
inline constexpr std::string_view kVerdictColumn = "e2e_mean_ms";

/// The value as it is shown, with the column's decimals.
[[nodiscard]] std::string shown(const Column& column, const Variant& variant);
/// Half the 95 % interval of the mean as it is shown; empty of a single run.
[[nodiscard]] std::string shown_noise(const Column& column, const Variant& variant);
/// For each variant: is its value the best of the column?
[[nodiscard]] std::vector<bool> best_of(const Column& column, std::span<const Variant> variants);
/// Best first; equals and losers of requests keep their order, the latter at the end, then bounds.
void sort_by(const Column& column, std::vector<Variant>& variants);
/// One sentence: who is best in `column`, and by how much.
[[nodiscard]] std::string verdict(const Column& column, std::span<const Variant> variants);
/// The figures behind it: what moved most between the best competitor and the worst (cause.h), and
/// before that the worst of those that differ from the best in one setting only, if there is one.
/// Empty if there is nothing to tell.
[[nodiscard]] std::string why(const Column& column, std::span<const Variant> variants);

}  // namespace kvsim
