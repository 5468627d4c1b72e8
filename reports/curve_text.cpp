#include "reports/curve_text.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::span<const CurveRow>;

constexpr int kSchemaVersion = 1;

// Policies that no server can have.
bool offline(const CurveRow& row) { return row.policy == "optimal" || row.policy == "min"; }

std::string capacity_text(const CurveRow& row) {
  return row.capacity_blocks ? grouped(*row.capacity_blocks) : "inf";
}

// Equal in what they would be shown as, so that ties all get their star.
std::int64_t tenths_of_percent(double rate) { return std::llround(1000 * rate); }

// Columns are given by the first policy's capacities: rows are a full cross product.
std::string rule_table(Rows rows, bool sampled) {
  const auto last = std::find_if(rows.begin(), rows.end(), [&](const CurveRow& row) {
    return row.policy != rows.front().policy;
  });
  const auto columns = static_cast<std::size_t>(last - rows.begin());
  std::vector<std::int64_t> best(columns, -1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!offline(rows[i]))
      best[i % columns] = std::max(best[i % columns], tenths_of_percent(rows[i].block_hit_rate()));
  Cells cells{{"rule " + rows.front().rule}};
  for (const CurveRow& row : rows.first(columns)) cells[0].push_back(capacity_text(row) + " ");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % columns == 0) cells.push_back({rows[i].policy});
    const double rate = rows[i].block_hit_rate();
    const bool star = !offline(rows[i]) && tenths_of_percent(rate) == best[i % columns];
    const std::string error = sampled ? fmt::format("+-{:.1f}", 100 * rows[i].error) : "";
    cells.back().push_back(fmt::format("{:.1f}{}{}", 100 * rate, error, star ? '*' : ' '));
  }
  return aligned(cells);
}

template <class Use>
void for_each_rule(const HitCurve& curve, Use use) {
  const Rows rows(curve.rows);
  for (std::size_t from = 0; from < rows.size();) {
    std::size_t to = from;
    while (to < rows.size() && rows[to].rule == rows[from].rule) ++to;
    use(rows.subspan(from, to - from));
    from = to;
  }
}

}  // namespace

std::string curve_table(const HitCurve& curve) {
  std::string text;
  for_each_rule(curve,
                [&](Rows rows) { text += rule_table(rows, curve.sample.has_value()) + "\n"; });
  const std::int64_t refs = curve.rows.empty() ? 0 : curve.rows.front().block_refs;
  text += fmt::format(
      "Block hit rate in % by cache size in blocks of {}; * best without knowing the future.\n"
      "{} ({}): {}, {}, working set {} blocks.\n",
      counted(curve.block_tokens, "token"), curve.trace.name, curve.trace.format,
      counted(curve.requests, "request"), counted(refs, "block reference"),
      grouped(curve.distinct_blocks));
  if (curve.sample)
    text += fmt::format(
        "An estimate from {:g} % of the blocks; +- is half a 95 % interval of the draw.\n",
        100 * *curve.sample);
  return text;
}

std::string curve_csv(const HitCurve& curve) {
  std::string text =
      "rule,policy,capacity_blocks,block_refs,block_hits,token_refs,token_hits,insertions,"
      "evictions";
  text += curve.sample ? ",block_hit_rate_error\n" : "\n";
  for (const CurveRow& row : curve.rows) {
    text += fmt::format("{},{},{},{},{},{},{},{},{}", row.rule, row.policy,
                        row.capacity_blocks ? fmt::format("{}", *row.capacity_blocks) : "inf",
                        row.block_refs, row.block_hits, row.token_refs, row.token_hits,
                        row.insertions, row.evictions);
    if (curve.sample) text += fmt::format(",{:.6f}", row.error);
    text += "\n";
  }
  return text;
}

std::string curve_json(const HitCurve& curve) {
  Json document = {{"schema_version", kSchemaVersion},
                   {"trace",
                    {{"name", curve.trace.name},
                     {"format", curve.trace.format},
                     {"digest", curve.trace.digest}}},
                   {"block_tokens", curve.block_tokens},
                   {"requests", curve.requests},
                   {"distinct_blocks", curve.distinct_blocks},
                   {"sample", curve.sample ? Json(*curve.sample) : Json(nullptr)},
                   {"rows", Json::array()}};
  for (const CurveRow& row : curve.rows) {
    Json& out = document["rows"].emplace_back();
    out = {{"rule", row.rule},
           {"policy", row.policy},
           {"capacity_blocks", row.capacity_blocks ? Json(*row.capacity_blocks) : Json(nullptr)},
           {"block_refs", row.block_refs},
           {"block_hits", row.block_hits},
           {"token_refs", row.token_refs},
           {"token_hits", row.token_hits},
           {"insertions", row.insertions},
           {"evictions", row.evictions}};
    if (curve.sample) out["block_hit_rate_error"] = row.error;
  }
  return document.dump(2) + "\n";
}

}  // namespace kvsim
