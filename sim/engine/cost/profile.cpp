#include "sim/engine/cost/profile.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/hash.h"
#include "sim/core/json_text.h"
#include "sim/model/builtin_configs.h"
#include "sim/model/json_fields.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Numbers = std::vector<double>;

constexpr std::int64_t kSchemaVersion = 1;
constexpr double kPermille = 1000;
constexpr double kLargest = 1e15;  // of any number of a profile

Numbers numbers(const JsonFields& fields, const std::string& key) {
  const Json& list = fields.raw(key);
  const bool all = list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& n) {
                     return n.is_number() && n.get<double>() >= 0 && n.get<double>() <= kLargest;
                   });
  if (!all) fields.fail(key, fmt::format("expected a list of numbers, 0 to {:g}", kLargest));
  return list.get<Numbers>();
}

Numbers numbers(const JsonFields& fields, const std::string& key, std::size_t count) {
  Numbers list = numbers(fields, key);
  if (list.size() != count)
    fields.fail(key, fmt::format("expected {} numbers, got {}", count, list.size()));
  return list;
}

/// Reads every entry of a list of objects.
template <class Read>
auto entries(const JsonFields& fields, const std::string& key, const std::string& file, Read read) {
  const Json& list = fields.raw(key);
  if (!list.is_array()) fields.fail(key, "expected a list, got " + shown(list));
  std::vector<decltype(read(fields))> all;
  for (std::size_t i = 0; i < list.size(); ++i)
    all.push_back(read(JsonFields(list[i], file, fmt::format("/{}/{}", key, i))));
  return all;
}

RatioTable ratio_table(const JsonFields& fields, const std::string& key, const Numbers& u,
                       const Numbers& v, Numbers permille) {
  for (double& ratio : permille) ratio /= kPermille;
  const std::string_view problem = RatioTable::problem_with(u, v, permille);
  if (!problem.empty()) fields.fail(key, problem);
  return {u, v, permille};
}

KernelLaw physics(const JsonFields& fields, LawForm form) {
  KernelLaw law;
  law.form = form;
  const std::span<const Term> terms = terms_of(form);
  const Numbers values = numbers(fields, "coefficients", terms.size());
  for (std::size_t i = 0; i < terms.size(); ++i) law[terms[i]] = values[i];
  if (form == LawForm::kPlanner) law.exponent = fields.number("exponent", 1, 64);
  return law;
}

DType dtype(const JsonFields& fields, const std::string& key) {
  const auto type = dtype_of(fields.text(key));
  if (!type) fields.fail(key, "no number format named '" + fields.text(key) + "'");
  return *type;
}

AttentionPhase phase_of(const JsonFields& fields) {
  const std::string phase = fields.text("op");
  if (phase != "decode" && phase != "prefill")
    fields.fail("op", "no operation named '" + phase + "'; known: decode, prefill");
  return phase == "decode" ? AttentionPhase::kDecode : AttentionPhase::kPrefill;
}

LawForm form_of(const JsonFields& fields) {
  const auto form = law_form_of(fields.text("form"));
  if (!form) fields.fail("form", "no form named '" + fields.text("form") + "'");
  return *form;
}

/// A profile lists the terms it gives coefficients for; ours must be the same.
void check_forms(const JsonFields& profile) {
  const JsonFields forms = profile.object("forms");
  for (const LawForm form : {LawForm::kRooflineRatio, LawForm::kPlanner}) {
    const std::string word(word_of(form));
    if (!forms.has(word)) continue;
    std::vector<std::string_view> ours;
    for (const Term term : terms_of(form)) ours.push_back(word_of(term));
    if (forms.raw(word) != Json(ours)) forms.fail(word, "not the terms this kvsim knows");
  }
}

/// What families over the same shapes have in common.
struct Grid {
  AttentionPhase phase = AttentionPhase::kDecode;
  LawForm form = LawForm::kRooflineRatio;
  Numbers u, v;
};

void read_planner(const JsonFields& f, KernelFamily& family) {
  constexpr std::int64_t kMost = 1 << 20;
  const auto count = [&f](const std::string& key, std::int64_t least) {
    return static_cast<std::int32_t>(f.integer(key, least, kMost));
  };
  family.page_tokens = count("page_tokens", 0);
  family.planner.resident = count("resident", 1);
  family.planner.tile_tokens = count("tile_tokens", 1);
  family.planner.max_splits = count("max_splits", 1);
  family.planner.item_overhead = f.number("item_overhead", 0, kLargest);
  family.planner.split_overhead = f.number("split_overhead", 0, kLargest);
}

KernelFamily read_family(const JsonFields& f, const std::map<std::string, Grid>& grids) {
  KernelFamily family;
  const auto found = grids.find(f.text("grid"));
  if (found == grids.end()) f.fail("grid", "no grid named '" + f.text("grid") + "' in /grids");
  const Grid& grid = found->second;
  family.phase = grid.phase;
  const Numbers heads = numbers(f, "heads", 3);
  for (const double head : heads)
    if (head < 1) f.fail("heads", "expected at least 1 of each");
  family.q_heads = std::llround(heads[0]);
  family.kv_heads = std::llround(heads[1]);
  family.head_dim = std::llround(heads[2]);
  family.kv = dtype(f, "kv_dtype");
  family.law = physics(f, grid.form);
  family.law.ratio = ratio_table(f, "permille", grid.u, grid.v, numbers(f, "permille"));
  family.hull_tokens = f.number("hull_tokens", 1, kLargest);
  if (grid.form == LawForm::kPlanner) read_planner(f.object("planner"), family);
  if (!f.has("holdout_rows")) return family;
  for (const Json& row : f.raw("holdout_rows")) {
    if (!row.is_array() || row.size() != 3 || !row[0].is_number() || !row[1].is_number() ||
        !row[2].is_number())
      f.fail("holdout_rows", "expected rows of three numbers");
    family.holdout_rows.push_back(
        {row[0].get<double>(), row[1].get<double>(), row[2].get<double>()});
  }
  return family;
}

GemmTable read_gemm(const JsonFields& f) {
  GemmTable table;
  table.dtype = dtype(f, "dtype");
  table.m = numbers(f, "m");
  if (table.m.size() < 2 || table.m.front() <= 0 ||
      std::adjacent_find(table.m.begin(), table.m.end(), std::greater_equal<>()) != table.m.end())
    f.fail("m", "expected at least two numbers, positive and increasing");
  const Numbers n = numbers(f, "n");
  const Numbers k = numbers(f, "k");
  const KernelLaw law = physics(f, LawForm::kRooflineRatio);
  const Json& rows = f.raw("permille");
  if (!rows.is_array() || rows.size() != table.m.size())
    f.fail("permille", fmt::format("expected {} lists, one for each m", table.m.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Json one;
    one["permille"] = rows[i];
    table.laws.push_back(law);
    table.laws.back().ratio =
        ratio_table(f, "permille", n, k, numbers(JsonFields(one, "/gemm"), "permille"));
  }
  return table;
}

AllReduceLines read_all_reduce(const JsonFields& f) {
  AllReduceLines lines;
  lines.gpus = f.integer("gpus", 2, 1 << 20);
  const Numbers c = numbers(f, "lines_us", 4);
  lines.floor_short = c[0];
  lines.per_byte_short = c[1];
  lines.floor_long = c[2];
  lines.per_byte_long = c[3];
  return lines;
}

std::map<std::string, Grid> read_grids(const JsonFields& profile, const std::string& file) {
  std::map<std::string, Grid> grids;
  const JsonFields fields = profile.object("grids");
  for (const auto& [name, value] : profile.raw("grids").items()) {
    const JsonFields grid(value, file, "/grids/" + name);
    grids[name] = {phase_of(grid), form_of(grid), numbers(grid, "u"), numbers(grid, "v")};
  }
  return grids;
}

std::string file_stem(const std::string& device, bool measured) {
  return measured ? device : device + "-imported";
}

}  // namespace

double AllReduceLines::microseconds(double bytes) const {
  return std::min(floor_short + per_byte_short * bytes, floor_long + per_byte_long * bytes);
}

CostProfile parse_profile(std::string_view text, const std::string& file, std::string name) {
  const Json document = parse_json(text, file);
  const JsonFields fields(document, file);
  const std::int64_t version = fields.integer("schema_version", 1, 1 << 20);
  if (version != kSchemaVersion)
    fields.fail("schema_version",
                fmt::format("this kvsim reads version {}, got {}; make the profile again with its "
                            "kvsim-fit or kvsim-calibrate",
                            kSchemaVersion, version));
  CostProfile profile;
  profile.name = std::move(name);
  Digest digest;
  digest.add(text);
  profile.id = fmt::format("{:016x}", digest.value()).substr(0, 8);
  const std::string source = fields.text("source");
  if (source != "measured" && source != "imported")
    fields.fail("source", "no source named '" + source + "'; known: measured, imported");
  profile.measured = source == "measured";
  profile.origin = fields.text("origin");
  profile.device = fields.object("device").text("name");
  profile.holdout_error = fields.object("holdout").object("large_decode").number("median", 0, 1e3);
  check_forms(fields);
  const std::map<std::string, Grid> grids = read_grids(fields, file);
  profile.families =
      entries(fields, "families", file, [&](const JsonFields& f) { return read_family(f, grids); });
  profile.gemms = entries(fields, "gemm", file, read_gemm);
  profile.all_reduces = entries(fields, "all_reduce", file, read_all_reduce);
  return profile;
}

bool builtin_profile_exists(const std::string& device, bool measured) {
  return builtin_config("costs", file_stem(device, measured)).has_value();
}

std::optional<CostProfile> builtin_profile(const std::string& device, bool measured) {
  const std::string name = file_stem(device, measured);
  const auto text = builtin_config("costs", name);
  if (!text) return std::nullopt;
  return parse_profile(*text, fmt::format("configs/costs/{}.json", name), name);
}

}  // namespace kvsim
