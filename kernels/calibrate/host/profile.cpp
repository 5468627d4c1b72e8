#include "kernels/calibrate/host/profile.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/step_price.h"
#include "kernels/fit/fit_law.h"

namespace kvsim::calibrate {
namespace {

constexpr double kLargeKv = 50e6;  // bytes of KV beyond which launches no longer matter
constexpr double kMovedTooFar = 0.015;

double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtod(text, nullptr);
}

Json words_of(LawForm form) {
  Json words = Json::list();
  for (const Term term : terms_of(form)) words.push(std::string(word_of(term)));
  return words;
}

Json coefficients(const KernelLaw& law) {
  Json list = Json::list();
  for (const Term term : terms_of(law.form)) list.push(law[term]);
  return list;
}

Json errors(const ErrorSummary& e) {
  return Json::object({{"count", e.count},
                       {"median", rounded(e.median)},
                       {"p90", rounded(e.p90)},
                       {"p95", rounded(e.p95)},
                       {"max", rounded(e.max)},
                       {"bias", rounded(e.bias)}});
}

/// Predictions beside measurements.
struct Comparison {
  std::vector<double> predicted, measured;
  void add(double prediction, double measurement) {
    predicted.push_back(prediction);
    measured.push_back(measurement);
  }
  [[nodiscard]] Json json() const { return errors(summarise(predicted, measured)); }
};

template <class Wanted>
Comparison compare(const KernelLaw& law, const std::vector<Sample>& samples, Wanted wanted) {
  Comparison c;
  for (const Sample& s : samples)
    if (wanted(s)) c.add(law.microseconds(s.features), s.us.median);
  return c;
}

bool held_out(const Sample& s) { return s.launch.held_out; }
bool large_and_held_out(const Sample& s) {
  const auto* c = std::get_if<DecodeCase>(&s.launch.what);
  return s.launch.held_out && c != nullptr && kv_bytes(*c) > kLargeKv;
}

// ---- attention ----

Json planner_json(const FittedLaws::Attention& f, int multiprocessors) {
  DecodeCase c;
  c.heads = f.heads;
  c.kv = f.kv;
  const DecodeDevice d = decode_device(decode_kernel_of(c), multiprocessors);
  return Json::object({{"page_tokens", c.page},
                       {"kv_token_bytes", kv_token_bytes(c.heads, c.kv)},
                       {"resident", d.resident},
                       {"tile_tokens", d.tile_tokens},
                       {"max_splits", d.max_splits},
                       {"item_overhead", d.item_overhead},
                       {"split_overhead", d.split_overhead}});
}

/// The grids of the file: families differ in their axes, so each has its own.
void add_families(const std::string& operation, const std::vector<FittedLaws::Attention>& families,
                  int multiprocessors, Json& profile) {
  const bool decode = operation == "decode";
  for (std::size_t i = 0; i < families.size(); ++i) {
    const FittedLaws::Attention& f = families[i];
    const std::string grid = operation + "-" + std::to_string(i);
    profile["grids"][grid] = Json::object(
        {{"op", operation},
         {"form", std::string(word_of(f.written.law.form))},
         {"axes", decode ? Json::List{"bytes", "imbalance"} : Json::List{"batch", "new_tokens"}},
         {"u", Json(f.written.u)},
         {"v", Json(f.written.v)}});
    Json family = Json::object({{"grid", grid},
                                {"heads", Json::List{f.heads.q, f.heads.kv, f.heads.dim}},
                                {"kv_dtype", f.kv},
                                {"coefficients", coefficients(f.written.law)}});
    if (decode) {
      family["exponent"] = f.written.law.exponent;
      family["planner"] = planner_json(f, multiprocessors);
    }
    family["permille"] = Json(f.written.permille);
    family["hull_tokens"] = f.hull_tokens;
    const KernelLaw& law = f.written.law;
    family["fit"] = compare(law, f.samples, [](const Sample& s) { return !held_out(s); }).json();
    family["holdout"] = compare(law, f.samples, held_out).json();
    if (i > 0)  // as the first family's law, which has not seen these heads, predicts it
      family["transfer"] =
          compare(families[0].written.law, f.samples, [](const Sample&) { return true; }).json();
    profile["families"].push(std::move(family));
  }
}

// ---- matrices ----

Json gemm_json(const std::string& dtype, const FittedLaws::Gemm& table, const FittedLaws& laws) {
  Json rows = Json::list();
  for (const WrittenLaw& of_m : table.of_m) rows.push(Json(of_m.permille));
  Comparison held;
  for (const Sample& s : table.samples)
    if (held_out(s)) held.add(laws.gemm_us(std::get<GemmCase>(s.launch.what)), s.us.median);
  return Json::object({{"dtype", dtype},
                       {"coefficients", coefficients(table.physics)},
                       {"m", Json(table.m)},
                       {"n", Json(table.of_m.front().u)},
                       {"k", Json(table.of_m.front().v)},
                       {"permille", std::move(rows)},
                       {"holdout", held.json()}});
}

// ---- the rest ----

Json streams_json(const FittedLaws& laws) {
  Json list = Json::list();
  for (const auto& [name, law] : laws.streams)
    list.push(Json::object({{"kernel", name}, {"coefficients", coefficients(law)}}));
  return list;
}

Json ceilings_json(const std::vector<Sample>& samples) {
  Json ceilings = Json::object();
  for (const Sample& s : samples) {
    const auto* c = std::get_if<CeilingCase>(&s.launch.what);
    if (c == nullptr) continue;
    if (c->bytes == 0) {
      ceilings[c->what + "_us"] = rounded(s.us.median);
      continue;
    }
    const double ways = c->what == "copy" ? 2 : 1;  // read and written
    const double rate = ways * static_cast<double>(c->bytes) / s.us.median * 1e-3;
    Json& best = ceilings[c->what + "_gbps"];
    if (best.is_null() || best.number() < rate) best = rounded(rate);
  }
  return ceilings;
}

/// What paging costs: the time of each other layout of the same batch, over that of pages of 16.
Json layouts_json(const std::vector<Sample>& samples) {
  const auto key = [](const DecodeCase& c) {
    return std::pair(c.lengths.size(), c.lengths.empty() ? 0 : c.lengths[0]);
  };
  std::map<std::pair<std::size_t, std::int32_t>, double> paged;
  for (const Sample& s : samples)
    if (s.launch.family == "decode") paged[key(std::get<DecodeCase>(s.launch.what))] = s.us.median;
  Json list = Json::list();
  for (const Sample& s : samples) {
    if (s.launch.family != "contiguous" && s.launch.family != "pages") continue;
    const auto& c = std::get<DecodeCase>(s.launch.what);
    const auto found = paged.find(key(c));
    if (found == paged.end()) continue;
    list.push(Json::object({{"shape", s.launch.label},
                            {"kv_bytes", kv_bytes(c)},
                            {"over_pages_of_16", rounded(s.us.median / found->second)}}));
  }
  return list;
}

/// Whole forward passes: the sum of the laws beside the time of the pass.
Json steps_json(const ProfileFacts& facts, const FittedLaws& laws,
                const std::vector<Sample>& samples) {
  Json rows = Json::list();
  Comparison all;
  for (const Sample& s : samples) {
    const auto* step = std::get_if<StepCase>(&s.launch.what);
    if (step == nullptr || !facts.model) continue;
    const auto predicted = step_us(laws, *facts.model, *step, facts.multiprocessors);
    if (!predicted) continue;
    all.add(*predicted, s.us.median);
    rows.push(Json::object({{"step", s.launch.label},
                            {"us", rounded(s.us.median)},
                            {"predicted_us", rounded(*predicted)}}));
  }
  return Json::object({{"errors", all.json()}, {"steps", std::move(rows)}});
}

Json samples_json(const std::vector<Sample>& samples) {
  Json rows = Json::list();
  for (const Sample& s : samples) {
    const LaunchFeatures& f = s.features;
    rows.push(Json::List{s.launch.family, s.launch.label, s.launch.law, s.launch.held_out ? 1 : 0,
                         rounded(s.us.median), rounded(s.us.p10), rounded(s.us.p90), s.us.count,
                         f.bytes, f.flops, f.sequences, f.busiest_bytes, f.waves, f.splits,
                         rounded(f.pages), rounded(f.u), rounded(f.v)});
  }
  return rows;
}

/// Shapes that were timed several times, hours or seconds apart: how far they moved.
Json sentinels_json(const std::vector<Sample>& samples, Json& warnings) {
  std::map<std::string, std::vector<double>> times;
  for (const Sample& s : samples)
    times[s.launch.family + ", " + s.launch.label].push_back(s.us.median);
  Json list = Json::list();
  for (const auto& [label, us] : times) {
    if (us.size() < 3) continue;
    const auto [least, most] = std::minmax_element(us.begin(), us.end());
    const double moved = *most / *least - 1;
    list.push(Json::object({{"shape", label}, {"us", Json(us)}, {"moved", rounded(moved)}}));
    if (moved > kMovedTooFar)
      warnings.push("the device drifted: " + label + " moved by " +
                    std::to_string(rounded(100 * moved)) + " %");
  }
  return list;
}

Json holdout_json(const FittedLaws& laws) {
  Comparison decode;
  Comparison large;
  Comparison gemm;
  for (const FittedLaws::Attention& f : laws.decode)
    for (const Sample& s : f.samples) {
      if (!held_out(s)) continue;
      const double us = f.written.law.microseconds(s.features);
      decode.add(us, s.us.median);
      if (large_and_held_out(s)) large.add(us, s.us.median);
    }
  for (const auto& [dtype, table] : laws.gemm)
    for (const Sample& s : table.samples)
      if (held_out(s)) gemm.add(laws.gemm_us(std::get<GemmCase>(s.launch.what)), s.us.median);
  return Json::object({{"decode", decode.json()},
                       {"large_decode", large.json()},
                       {"large_decode_above_bytes", kLargeKv},
                       {"gemm", gemm.json()}});
}

}  // namespace

Json make_profile(const ProfileFacts& facts, const std::vector<Sample>& samples) {
  const FittedLaws laws = fit_laws(samples);
  Json warnings = Json::list();
  for (const std::string& warning : facts.warnings) warnings.push(warning);
  Json p = Json::object({{"schema_version", 1},
                         {"source", "measured"},
                         {"origin", "kvsim-calibrate on " + facts.device.at("cuda_name").string()},
                         {"created_utc", facts.created},
                         {"device", facts.device},
                         {"build", facts.build},
                         {"conditions", facts.conditions},
                         {"ceilings", ceilings_json(samples)},
                         {"holdout", holdout_json(laws)}});
  for (const LawForm form : {LawForm::kRooflineRatio, LawForm::kPlanner})
    p["forms"][word_of(form)] = words_of(form);
  p["grids"] = Json::object();
  p["families"] = Json::list();
  add_families("decode", laws.decode, facts.multiprocessors, p);
  add_families("prefill", laws.prefill, facts.multiprocessors, p);
  p["gemm"] = Json::list();
  for (const auto& [dtype, table] : laws.gemm) p["gemm"].push(gemm_json(dtype, table, laws));
  p["all_reduce"] = facts.all_reduce.is_null() ? Json::list() : facts.all_reduce;
  p["streams"] = streams_json(laws);
  p["layouts"] = layouts_json(samples);
  p["step_validation"] = steps_json(facts, laws, samples);
  p["sentinels"] = sentinels_json(samples, warnings);
  p["warnings"] = std::move(warnings);
  p["sample_columns"] =
      Json::List{"family", "shape",   "lengths", "held_out", "us_median", "us_p10",
                 "us_p90", "replays", "bytes",   "flops",    "sequences", "busiest_bytes",
                 "waves",  "splits",  "pages",   "u",        "v"};
  p["samples"] = samples_json(samples);
  return p;
}

}  // namespace kvsim::calibrate
