#include "reports/html/curve_page.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// Nobody can serve like that: the future is not known, or every newcomer would have to be let in.
bool is_bound(const CurveRow& row) { return row.policy == "optimal" || row.policy == "min"; }

// The policies of one rule at one capacity: best and worst that can be had, and the bound.
struct Spread {
  const CurveRow* best = nullptr;
  const CurveRow* worst = nullptr;
  const CurveRow* bound = nullptr;

  void add(const CurveRow& row) {
    if (row.policy == "optimal" && row.rule == "tree") bound = &row;
    if (is_bound(row)) return;
    if (best == nullptr || row.block_hit_rate() > best->block_hit_rate()) best = &row;
    if (worst == nullptr || row.block_hit_rate() < worst->block_hit_rate()) worst = &row;
  }
  [[nodiscard]] double width() const {
    return best == nullptr ? -1 : best->block_hit_rate() - worst->block_hit_rate();
  }
};

std::string finding(const HitCurve& curve) {
  std::map<std::int64_t, Spread> by_capacity;
  for (const CurveRow& row : curve.rows)
    if (row.capacity_blocks && row.rule == curve.rows[0].rule)
      by_capacity[*row.capacity_blocks].add(row);
  const auto widest = std::max_element(
      by_capacity.begin(), by_capacity.end(),
      [](const auto& a, const auto& b) { return a.second.width() < b.second.width(); });
  if (widest == by_capacity.end() || widest->second.best == nullptr)
    return "Hit rate against cache size";
  const Spread& spread = widest->second;
  std::string text =
      fmt::format("{} blocks: {} finds {} of the prompts' blocks", grouped(widest->first),
                  spread.best->policy, percent(spread.best->block_hit_rate()));
  if (spread.width() > 0)
    text += fmt::format(", {} {}", spread.worst->policy, percent(spread.worst->block_hit_rate()));
  if (spread.bound != nullptr)
    text +=
        fmt::format("; no policy can find more than {}", percent(spread.bound->block_hit_rate()));
  return text;
}

Json row_json(const CurveRow& row) {
  Json json = {{"rule", row.rule}, {"policy", row.policy}};
  json["capacity_blocks"] = row.capacity_blocks ? Json(*row.capacity_blocks) : Json();
  json["token_refs"] = row.token_refs;
  json["token_hits"] = row.token_hits;
  json["evictions"] = row.evictions;
  return json;
}

}  // namespace

Json curve_page(const HitCurve& curve) {
  Json page = Json::object();
  page["report"] = 1;
  page["title"] = finding(curve);
  page["subtitle"] = fmt::format(
      "{} ({}), {} requests, {} distinct blocks of {} tokens{}", curve.trace.name,
      curve.trace.format, grouped(curve.requests), grouped(curve.distinct_blocks),
      grouped(curve.block_tokens),
      curve.sample ? fmt::format(", estimated from {} of them", percent(*curve.sample)) : "");
  page["runs"] = Json::array();
  page["curve"] = Json::array();
  for (const CurveRow& row : curve.rows) page["curve"].push_back(row_json(row));
  return page;
}

}  // namespace kvsim
