#include "reports/comparison.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "reports/cause.h"
#include "reports/text.h"

namespace kvsim {
namespace {

std::int64_t lost(const Variant& v) {
  std::int64_t requests = 0;
  for (const Report& run : v.runs) requests += run.requests.unserved();
  return requests;
}

// Who competes: no bound, and nobody lost fewer requests.
std::vector<bool> competitors(std::span<const Variant> variants) {
  std::vector<bool> competes(variants.size(), false);
  std::int64_t fewest = -1;
  for (const Variant& v : variants)
    if (!v.bound && (fewest < 0 || lost(v) < fewest)) fewest = lost(v);
  for (std::size_t i = 0; i < variants.size(); ++i)
    competes[i] = !variants[i].bound && lost(variants[i]) == fewest;
  return competes;
}

// Shown values compare, so that two cells that read the same are the same.
double rounded(const Column& column, const Variant& variant) {
  const double unit = std::pow(10.0, column.decimals);
  return std::round(column.value(variant) * column.scale * unit) / unit;
}

bool reads_better(const Column& column, const Variant& a, const Variant& b) {
  return column.better() == Better::kLower ? rounded(column, a) < rounded(column, b)
                                           : rounded(column, a) > rounded(column, b);
}

Interval difference(const Column& column, const Variant& a, const Variant& b) {
  return paired_difference(column.values(a), column.values(b));
}

bool is_better(const Column& column, const Variant& a, const Variant& b) {
  return reads_better(column, a, b) && !difference(column, a, b).includes_zero();
}

// "12.3 % below X", or "2.5x lower than X" once percents stop reading well; over several seeds
// "12.3 +- 1.0 % below X".
std::string distance(const Column& column, const Variant& best, const Variant& other) {
  const double a = rounded(column, best);
  const double b = rounded(column, other);
  const bool lower = column.better() == Better::kLower;
  if (a == b) return fmt::format("the same as {}", other.label);
  const bool certain = is_better(column, best, other);
  if (std::min(a, b) <= 0)
    return fmt::format("{} has {}{}", other.label, shown(column, other),
                       certain ? "" : " (within the noise)");
  const double times = lower ? b / a : a / b;
  const std::string_view direction = lower ? "below" : "above";
  const double percent = 100 * std::abs(b - a) / b;
  if (best.runs.size() > 1 && (times < 2 || !certain)) {
    const double noise = 100 * difference(column, best, other).half * column.scale / b;
    return certain ? fmt::format("{:.1f} +- {:.1f} % {} {}", percent, noise, direction, other.label)
                   : fmt::format("no different from {} beyond the noise ({:.1f} +- {:.1f} %)",
                                 other.label, percent, noise);
  }
  if (times >= 2)
    return fmt::format("{:.1f}x {} than {}", times, lower ? "lower" : "higher", other.label);
  return fmt::format("{:.1f} % {} {}", percent, direction, other.label);
}

// The competitors, best first.
std::vector<Variant> ranking_of(const Column& column, std::span<const Variant> variants) {
  const std::vector<bool> competes = competitors(variants);
  std::vector<Variant> ranking;
  for (std::size_t i = 0; i < variants.size(); ++i)
    if (competes[i]) ranking.push_back(variants[i]);
  sort_by(column, ranking);
  return ranking;
}

std::string seeds_of(const Variant& v) {
  return v.runs.size() == 1 ? "" : fmt::format("; means of {} seeds", v.runs.size());
}

// Those that were left out of a verdict because they turned work away.
std::string left_out(std::span<const Variant> variants, std::size_t ranked) {
  const auto bounds = static_cast<std::size_t>(
      std::count_if(variants.begin(), variants.end(), [](const Variant& v) { return v.bound; }));
  const std::size_t losers = variants.size() - bounds - ranked;
  return losers == 0 ? ""
                     : fmt::format(" ({} lost more requests)",
                                   counted(static_cast<std::int64_t>(losers), "variant"));
}

// The one setting in which two variants differ; empty if there is none, or several.
std::string only_difference(const Variant& a, const Variant& b) {
  std::set<std::string> differing;
  for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)})
    for (const auto& [pointer, value] : one->settings.items())
      if (!other->settings.contains(pointer) || other->settings[pointer] != value)
        differing.insert(pointer);
  if (differing.size() != 1) return "";
  return differing.begin()->substr(differing.begin()->rfind('/') + 1);
}

// "beside b: hit rate 80.00 % against 50.00 %"; empty if no figure moved.
std::string beside(const Column& column, const Variant& best, const Variant& other,
                   std::string_view aside) {
  const std::string moved =
      what_moved(mean_figures(best.runs), mean_figures(other.runs), " against ", column.key());
  return moved.empty() ? "" : fmt::format("beside {}{}: {}", other.label, aside, moved);
}

}  // namespace

std::string shown(const Column& column, const Variant& variant) {
  return grouped(rounded(column, variant), column.decimals);
}

std::string shown_noise(const Column& column, const Variant& variant) {
  if (variant.runs.size() == 1) return "";
  return grouped(column.interval(variant).half * column.scale, std::max(column.decimals, 1));
}

std::vector<bool> best_of(const Column& column, std::span<const Variant> variants) {
  const std::vector<bool> competes = competitors(variants);
  std::vector<bool> best(variants.size(), false);
  bool some_worse = false;
  for (std::size_t i = 0; i < variants.size() && column.better() != Better::kNeither; ++i) {
    if (!competes[i]) continue;
    bool beaten = false;
    for (std::size_t other = 0; other < variants.size() && !beaten; ++other)
      beaten = competes[other] && is_better(column, variants[other], variants[i]);
    best[i] = !beaten;
    some_worse |= beaten;
  }
  return some_worse ? best : std::vector<bool>(variants.size(), false);
}

void sort_by(const Column& column, std::vector<Variant>& variants) {
  std::stable_sort(variants.begin(), variants.end(), [&](const Variant& a, const Variant& b) {
    if (a.bound != b.bound) return b.bound;
    return lost(a) != lost(b) ? lost(a) < lost(b) : reads_better(column, a, b);
  });
}

std::string verdict(const Column& column, std::span<const Variant> variants) {
  const std::vector<Variant> ranking = ranking_of(column, variants);
  if (ranking.empty()) return "nothing to compare";
  const std::string aside = left_out(variants, ranking.size());
  const Variant& first = ranking.front();
  const Variant& last = ranking.back();
  if (ranking.size() == 1)
    return fmt::format("{} has a {} of {} {}{}{}", first.label, column.sentence,
                       shown(column, first), column.unit, seeds_of(first), aside);
  if (!reads_better(column, first, last))
    return fmt::format("no difference in {}: {} {} for all{}", column.sentence,
                       shown(column, first), column.unit, aside);
  if (!is_better(column, first, last))
    return fmt::format("no difference in {} beyond the noise: {} {} of {} to {} {} of {}{}{}",
                       column.sentence, shown(column, first), column.unit, first.label,
                       shown(column, last), column.unit, last.label, seeds_of(first), aside);
  std::string text =
      fmt::format("{} has the {} {}: {} {}, {}", first.label,
                  column.better() == Better::kLower ? "lowest" : "highest", column.sentence,
                  shown(column, first), column.unit, distance(column, first, ranking[1]));
  if (ranking.size() > 2) text += fmt::format(" and {}", distance(column, first, last));
  return text + seeds_of(first) + aside;
}

std::string why(const Column& column, std::span<const Variant> variants) {
  const std::vector<Variant> ranking = ranking_of(column, variants);
  if (ranking.size() < 2 || !is_better(column, ranking.front(), ranking.back())) return "";
  const Variant& best = ranking.front();
  const auto fair = std::find_if(ranking.rbegin(), ranking.rend() - 1, [&](const Variant& other) {
    return !only_difference(best, other).empty() && is_better(column, best, other);
  });
  std::vector<std::string> told;
  if (fair != ranking.rend() - 1)
    told.push_back(beside(column, best, *fair,
                          fmt::format(" (only {} differs)", only_difference(best, *fair))));
  if (fair != ranking.rbegin()) told.push_back(beside(column, best, ranking.back(), ""));
  std::erase(told, "");
  return fmt::format("{}", fmt::join(told, "; "));
}

}  // namespace kvsim
