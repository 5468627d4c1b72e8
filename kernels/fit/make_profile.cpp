#include "kernels/fit/make_profile.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "kernels/fit/robust_fit.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Numbers = std::vector<double>;

constexpr double kLargeKv = 50e6;  // bytes of KV beyond which launches no longer matter
constexpr double kSmallKv = 4e6;   // bytes of KV up to which caches do not: a microsecond or two
constexpr double kPermille = 1000;

/// As many digits as a timing supports.
double rounded(double value) { return std::stod(fmt::format("{:.5g}", value)); }

Json permille(const Numbers& ratios) {
  Json list = Json::array();
  for (const double ratio : ratios) list.push_back(std::max(1L, std::lround(ratio * kPermille)));
  return list;
}

Numbers from_permille(const Json& list) {
  Numbers ratios = list.get<Numbers>();
  for (double& ratio : ratios) ratio /= kPermille;
  return ratios;
}

Json shown(const ErrorSummary& e) {
  return {{"count", e.count},      {"median", rounded(e.median)}, {"p90", rounded(e.p90)},
          {"p95", rounded(e.p95)}, {"max", rounded(e.max)},       {"bias", rounded(e.bias)}};
}

Json coefficients(const KernelLaw& law) {
  Json list = Json::array();
  for (const Term term : terms_of(law.form)) list.push_back(rounded(law[term]));
  return list;
}

/// The law as the profile tells it, rounding included: what errors are computed with.
KernelLaw as_written(KernelLaw law) {
  for (double& c : law.coefficients) c = rounded(c);
  return law;
}

bool on(const Numbers& axis, double value) {
  return std::find(axis.begin(), axis.end(), value) != axis.end();
}

double element_bytes(const std::string& dtype) {
  if (dtype == "bf16") return 2;
  if (dtype == "fp8") return 1;
  throw std::invalid_argument("no dtype named '" + dtype + "'");
}

/// Predictions and measurements of held-out rows.
struct Held {
  Numbers predicted, measured;
  void add(double p, double m) {
    predicted.push_back(p);
    measured.push_back(m);
  }
  void add(const Held& other) {
    predicted.insert(predicted.end(), other.predicted.begin(), other.predicted.end());
    measured.insert(measured.end(), other.measured.begin(), other.measured.end());
  }
  [[nodiscard]] ErrorSummary summary() const { return summarise(predicted, measured); }
};

/// Below this a decode's KV may have come from the L2.
double cold_bytes(const Json& samples) {
  return std::max(kLargeKv, samples.at("device").at("l2_bytes").get<double>());
}

Json make_family(const std::string& operation, const Json& given, const Numbers& u,
                 const Numbers& v, double cold, Held& held, Held& large) {
  const double kv_bytes = 2 * given.at("kv_heads").get<double>() *
                          given.at("head_dim").get<double>() *
                          element_bytes(given.at("kv_dtype").get<std::string>());
  const HeadShape shape{given.at("q_heads").get<double>(), given.at("head_dim").get<double>(),
                        kv_bytes};
  const auto features = [&](double batch, double length) {
    if (operation == "decode") return decode_launch(shape, batch, batch * length);
    return prefill_launch(shape, batch, batch * length, batch * length,
                          batch * length * (length + 1) / 2);
  };
  const auto may_be_cached = [&](double tokens) {
    return operation == "decode" && tokens * kv_bytes > kSmallKv && tokens * kv_bytes <= cold;
  };
  std::vector<Timing> fitted;
  std::vector<Timing> cached;
  double hull = 0;
  for (const Json& row : given.at("rows")) {
    const double batch = row.at(0).get<double>();
    const double length = row.at(1).get<double>();
    if (!on(u, batch) || !on(v, length)) continue;
    (may_be_cached(batch * length) ? cached : fitted)
        .push_back({features(batch, length), row.at(2).get<double>()});
    hull = std::max(hull, batch * length);
  }
  if (fitted.empty()) throw std::invalid_argument("a family has no row on its grid");
  KernelLaw law = as_written(fit_coefficients(LawForm::kRooflineRatio, fitted));
  for (Timing timing : cached) {
    timing.microseconds = std::max(timing.microseconds, law.baseline(timing.features));
    fitted.push_back(timing);
  }
  // A published row is itself a mean of many: one is enough for a knot.
  const Json ratios = permille(fit_ratio(law, fitted, u, v, 1).ratios);
  law.ratio = RatioTable(u, v, from_permille(ratios));

  Json extract = Json::array();
  for (const Json& row : given.at("rows")) {
    const double batch = row.at(0).get<double>();
    const double length = row.at(1).get<double>();
    // Beyond the fitted rows nothing is claimed.
    if ((on(u, batch) && on(v, length)) || length > v.back() || batch > u.back() ||
        batch * length > hull || may_be_cached(batch * length))
      continue;
    const double predicted = law.microseconds(features(batch, length));
    held.add(predicted, row.at(2).get<double>());
    const bool much = operation == "decode" && batch * length * kv_bytes > cold;
    if (much) large.add(predicted, row.at(2).get<double>());
    if (much || operation == "prefill") extract.push_back(row);
  }
  Json family = {{"grid", operation},
                 {"heads", {given.at("q_heads"), given.at("kv_heads"), given.at("head_dim")}},
                 {"kv_dtype", given.at("kv_dtype")},
                 {"coefficients", coefficients(law)},
                 {"permille", ratios},
                 {"hull_tokens", static_cast<std::int64_t>(hull)}};
  if (given.value("extract", false)) family["holdout_rows"] = extract;
  return family;
}

/// The GEMM of one dtype: physics, and for every m of the grid ratios over n and k.
Json make_gemm(const Json& given, Held& held) {
  const auto dtype = given.at("dtype").get<std::string>();
  const double bytes = element_bytes(dtype);
  const Json& grid = given.at("grid");
  const auto m_knots = grid.at("m").get<Numbers>();
  const auto n_knots = grid.at("n").get<Numbers>();
  const auto k_knots = grid.at("k").get<Numbers>();
  std::vector<std::vector<Timing>> fitted(m_knots.size());
  std::vector<Timing> all;
  for (const Json& row : given.at("rows")) {
    const auto m = std::find(m_knots.begin(), m_knots.end(), row.at(0).get<double>());
    const double n = row.at(1).get<double>();
    const double k = row.at(2).get<double>();
    if (m == m_knots.end() || !on(n_knots, n) || !on(k_knots, k)) continue;
    all.push_back({gemm_launch(*m, n, k, bytes), row.at(3).get<double>()});
    fitted[static_cast<std::size_t>(m - m_knots.begin())].push_back(all.back());
  }
  if (all.empty()) throw std::invalid_argument("a GEMM table has no row on its grid");
  const KernelLaw physics = as_written(fit_coefficients(LawForm::kRooflineRatio, all));
  Json ratios = Json::array();
  std::vector<KernelLaw> laws;
  for (const std::vector<Timing>& of_m : fitted) {
    const Json list = permille(fit_ratio(physics, of_m, n_knots, k_knots, 1).ratios);
    ratios.push_back(list);
    laws.push_back(physics);
    laws.back().ratio = RatioTable(n_knots, k_knots, from_permille(list));
  }
  Held of_table;
  for (const Json& row : given.at("rows")) {
    const double m = row.at(0).get<double>();
    const double n = row.at(1).get<double>();
    const double k = row.at(2).get<double>();
    if ((on(m_knots, m) && on(n_knots, n) && on(k_knots, k)) || m > m_knots.back() ||
        m < m_knots.front())
      continue;
    // Linear in m between the knots.
    const auto above = static_cast<std::size_t>(
        std::lower_bound(m_knots.begin() + 1, m_knots.end(), m) - m_knots.begin());
    const auto at = [&](std::size_t i) {
      return laws[i].microseconds(gemm_launch(m_knots[i], n, k, bytes));
    };
    const double weight = (m - m_knots[above - 1]) / (m_knots[above] - m_knots[above - 1]);
    of_table.add(at(above - 1) * (1 - weight) + at(above) * weight, row.at(3).get<double>());
  }
  held.add(of_table);
  return {{"dtype", dtype},
          {"coefficients", coefficients(physics)},
          {"m", grid.at("m")},
          {"n", grid.at("n")},
          {"k", grid.at("k")},
          {"permille", ratios},
          {"holdout", shown(of_table.summary())}};
}

/// Two straight lines, whichever is lower: one-shot for short messages, two-shot or a ring beyond.
Json make_all_reduce(const Json& given, Held& fitted) {
  Numbers bytes;
  Numbers measured;
  for (const Json& row : given.at("rows")) {
    bytes.push_back(row.at(0).get<double>());
    measured.push_back(row.at(1).get<double>());
  }
  if (bytes.empty()) throw std::invalid_argument("an all-reduce has no rows");
  const auto predict = [&bytes](const Numbers& c) {
    Numbers t;
    for (const double b : bytes) t.push_back(std::min(c[0] + c[1] * b, c[2] + c[3] * b));
    return t;
  };
  const double shortest = *std::min_element(measured.begin(), measured.end());
  const double slope = measured.back() / bytes.back();
  const RobustFit fit =
      robust_fit(predict, measured, {2 * shortest, 20 * slope, 20 * shortest, 2 * slope});
  Numbers c;
  for (const double coefficient : fit.coefficients) c.push_back(rounded(coefficient));
  const Held lines{predict(c), measured};
  fitted.add(lines);
  return {{"gpus", given.at("gpus")}, {"lines_us", c}, {"fit", shown(lines.summary())}};
}

std::vector<std::string_view> term_words(LawForm form) {
  std::vector<std::string_view> words;
  for (const Term term : terms_of(form)) words.push_back(word_of(term));
  return words;
}

}  // namespace

Json make_profile(const Json& samples, HoldoutErrors& errors) {
  Json p;
  p["schema_version"] = 1;
  p["source"] = samples.at("source");
  p["origin"] = samples.at("origin");
  p["device"] = samples.at("device");
  p["holdout"] = nullptr;  // its place; known at the end
  p["forms"][std::string(word_of(LawForm::kRooflineRatio))] = term_words(LawForm::kRooflineRatio);
  Held decode;
  Held large;
  Held prefill;
  Held gemm;
  Held all_reduce;
  p["families"] = Json::array();
  for (const std::string operation : {"decode", "prefill"}) {
    const Json& given = samples.at(operation);
    const Json& grid = given.at("grid");
    const std::string length = operation == "decode" ? "kv_len" : "new_tokens";
    const auto u = grid.at("batch").get<Numbers>();
    const auto v = grid.at(length).get<Numbers>();
    p["grids"][operation] = {{"op", operation},
                             {"form", word_of(LawForm::kRooflineRatio)},
                             {"axes", {"batch", length}},
                             {"u", u},
                             {"v", v}};
    for (const Json& family : given.at("families"))
      p["families"].push_back(make_family(operation, family, u, v, cold_bytes(samples),
                                          operation == "decode" ? decode : prefill, large));
  }
  p["gemm"] = Json::array();
  for (const Json& table : samples.at("gemm")) p["gemm"].push_back(make_gemm(table, gemm));
  p["all_reduce"] = Json::array();
  for (const Json& ring : samples.at("all_reduce"))
    p["all_reduce"].push_back(make_all_reduce(ring, all_reduce));
  errors = {decode.summary(), large.summary(), prefill.summary(), gemm.summary(),
            all_reduce.summary()};
  p["holdout"] = {{"decode", shown(errors.decode)},
                  {"large_decode", shown(errors.large_decode)},
                  {"large_decode_above_bytes", cold_bytes(samples)},
                  {"prefill", shown(errors.prefill)},
                  {"gemm", shown(errors.gemm)}};
  return p;
}

std::string profile_text(const Json& profile) {
  std::string text = "{";
  std::string_view comma;
  for (const auto& [key, value] : profile.items()) {
    text += fmt::format("{}\n\"{}\":", comma, key);
    comma = ",";
    if (!value.is_array()) {
      text += value.dump();
      continue;
    }
    std::string_view separator = "[\n";
    for (const Json& entry : value) {
      text += separator;
      text += entry.dump();
      separator = ",\n";
    }
    text += value.empty() ? "[]" : "]";
  }
  return text + "\n}\n";
}

}  // namespace kvsim
