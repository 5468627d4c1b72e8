// fit_laws: one law for each family of launches.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "kernels/calibrate/host/profile.h"
#include "kernels/fit/fit_law.h"

namespace kvsim::calibrate {
namespace {

constexpr int kLeastPerKnot = 3;  // with fewer timings a ratio is shrunk to 1

std::vector<Timing> fitted(const std::vector<Sample>& samples) {
  std::vector<Timing> timings;
  for (const Sample& s : samples)
    if (!s.launch.held_out) timings.push_back({s.features, s.us.median});
  return timings;
}

/// Powers of `step` that cover the values.
std::vector<double> octaves(const std::vector<Timing>& timings, double LaunchFeatures::*axis,
                            double step) {
  double low = HUGE_VAL;
  double high = 0;
  for (const Timing& t : timings) {
    low = std::min(low, t.features.*axis);
    high = std::max(high, t.features.*axis);
  }
  std::vector<double> knots;
  const auto first = static_cast<int>(std::floor(std::log(low) / std::log(step)));
  for (int i = first; knots.size() < 2 || knots.back() < high; ++i)
    knots.push_back(std::pow(step, i));
  return knots;
}

std::vector<double> values_of(const std::vector<Timing>& timings, double LaunchFeatures::*axis) {
  std::set<double> values;
  for (const Timing& t : timings) values.insert(t.features.*axis);
  return {values.begin(), values.end()};
}

/// As many digits as a timing supports.
double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtod(text, nullptr);
}

KernelLaw rounded(KernelLaw law) {
  for (double& c : law.coefficients) c = rounded(c);
  return law;
}

WrittenLaw with_ratio(const KernelLaw& law, const std::vector<Timing>& timings,
                      const std::vector<double>& u, const std::vector<double>& v, int least) {
  WrittenLaw written{law, u, v, {}};
  std::vector<double> ratios = fit_ratio(law, timings, u, v, least).ratios;
  for (double& ratio : ratios) {
    const double permille = std::max(1.0, std::round(1000 * ratio));
    written.permille.push_back(permille);
    ratio = permille / 1000;
  }
  written.law.ratio = RatioTable(u, v, ratios);
  return written;
}

WrittenLaw attention_law(LawForm form, const std::vector<Timing>& timings) {
  constexpr double kDouble = 2, kQuarterOctave = 1.189207115002721;
  const KernelLaw law = rounded(fit_coefficients(form, timings));
  // Bytes over six decades by octaves; imbalance, from 1 on, more finely.
  const double second = form == LawForm::kPlanner ? kQuarterOctave : kDouble;
  return with_ratio(law, timings, octaves(timings, &LaunchFeatures::u, kDouble),
                    octaves(timings, &LaunchFeatures::v, second), kLeastPerKnot);
}

/// Tokens of KV that a launch reads.
double tokens_of(const What& what) {
  double tokens = 0;
  if (const auto* c = std::get_if<DecodeCase>(&what))
    for (const std::int32_t length : c->lengths) tokens += length;
  if (const auto* c = std::get_if<PrefillCase>(&what))
    tokens = 1.0 * c->sequences * (c->prior + c->fresh);
  return tokens;
}

/// Adds to the family of these heads and this format.
void add(std::vector<FittedLaws::Attention>& families, const Heads& heads, const std::string& kv,
         const Sample& sample) {
  auto found = std::find_if(families.begin(), families.end(),
                            [&](const auto& f) { return f.heads == heads && f.kv == kv; });
  if (found == families.end()) {
    families.push_back({heads, kv, {}, 0, {}});
    found = std::prev(families.end());
  }
  found->samples.push_back(sample);
}

void fit(std::vector<FittedLaws::Attention>& families, LawForm form) {
  std::erase_if(families, [](const auto& f) { return fitted(f.samples).empty(); });
  for (FittedLaws::Attention& family : families) {
    family.written = attention_law(form, fitted(family.samples));
    for (const Sample& s : family.samples)
      if (!s.launch.held_out)
        family.hull_tokens = std::max(family.hull_tokens, tokens_of(s.launch.what));
  }
}

FittedLaws::Gemm fit_gemm(const std::vector<Sample>& samples) {
  FittedLaws::Gemm table;
  table.samples = samples;
  const std::vector<Timing> all = fitted(samples);
  table.physics = rounded(fit_coefficients(LawForm::kRooflineRatio, all));
  std::vector<double> n = values_of(all, &LaunchFeatures::u);
  std::vector<double> k = values_of(all, &LaunchFeatures::v);
  // An axis has two knots at least.
  if (n.size() == 1) n.push_back(2 * n.front());
  if (k.size() == 1) k.push_back(2 * k.front());
  std::map<double, std::vector<Timing>> by_m;
  for (const Sample& s : samples)
    if (!s.launch.held_out)
      by_m[std::get<GemmCase>(s.launch.what).m].push_back({s.features, s.us.median});
  for (const auto& [m, timings] : by_m) {
    table.m.push_back(m);
    table.of_m.push_back(with_ratio(table.physics, timings, n, k, 1));
  }
  return table;
}

/// The name of a stream of bytes, for which floor, bytes and pieces say all; else empty.
std::string stream_of(const What& what) {
  if (const auto* c = std::get_if<AppendCase>(&what)) return "append " + c->kv;
  if (std::get_if<CopyCase>(&what) != nullptr) return "copy";
  if (const auto* c = std::get_if<ElementwiseCase>(&what)) return c->kernel;
  if (const auto* c = std::get_if<MlaCase>(&what)) return "mla " + std::to_string(c->heads);
  if (const auto* c = std::get_if<SwapCase>(&what)) {
    constexpr const char* kWords[] = {"to host", "to device", "both ways"};
    return std::string("swap ") + kWords[static_cast<int>(c->direction)] +
           (c->by_kernel ? " by kernel" : " by copies");
  }
  return "";
}

}  // namespace

FittedLaws fit_laws(const std::vector<Sample>& samples) {
  FittedLaws laws;
  std::map<std::string, std::vector<Sample>> gemms;
  std::map<std::string, std::vector<Timing>> streams;
  for (const Sample& s : samples) {
    const What& what = s.launch.what;
    if (const auto* c = std::get_if<DecodeCase>(&what)) {
      // Other pages, windows and contiguous KV are compared with this law, not part of it.
      if (c->page == DecodeCase{}.page && c->window == 0) add(laws.decode, c->heads, c->kv, s);
    } else if (const auto* p = std::get_if<PrefillCase>(&what)) {
      if (p->page == PrefillCase{}.page && !p->warpgroups) add(laws.prefill, p->heads, "bf16", s);
    } else if (const auto* g = std::get_if<GemmCase>(&what)) {
      gemms[g->dtype].push_back(s);
    } else if (const std::string name = stream_of(what); !name.empty()) {
      streams[name].push_back({s.features, s.us.median});
    }
  }
  fit(laws.decode, LawForm::kPlanner);
  fit(laws.prefill, LawForm::kRooflineRatio);
  for (const auto& [dtype, of_dtype] : gemms)
    if (!fitted(of_dtype).empty()) laws.gemm[dtype] = fit_gemm(of_dtype);
  for (const auto& [name, timings] : streams)
    laws.streams[name] = rounded(fit_coefficients(LawForm::kRooflineRatio, timings));
  return laws;
}

double FittedLaws::gemm_us(const GemmCase& c) const {
  const Gemm& table = gemm.at(c.dtype);
  const double bytes = c.dtype == "fp8" ? 1 : 2;
  const auto at = [&](std::size_t i) {
    return table.of_m[i].law.microseconds(gemm_launch(table.m[i], c.n, c.k, bytes));
  };
  if (table.m.size() == 1) return at(0);
  const auto knot = std::upper_bound(table.m.begin() + 1, table.m.end() - 1, c.m);
  const auto above = static_cast<std::size_t>(knot - table.m.begin());
  const double share = (c.m - table.m[above - 1]) / (table.m[above] - table.m[above - 1]);
  return at(above - 1) + share * (at(above) - at(above - 1));
}

}  // namespace kvsim::calibrate
