#include "kernels/fit/fit_law.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/fit/robust_fit.h"

namespace kvsim {
namespace {

// Exponents tried for the soft maximum of the planner's form.
constexpr std::array kExponents{3.0, 4.0, 6.0, 8.0};

/// The most that a coefficient can be: no row may be exceeded by its term alone. 0 if the term
/// plays no part in any row.
double ceiling_of(LawForm form, Term term, const std::vector<Timing>& timings) {
  KernelLaw alone;
  alone.form = form;
  alone[term] = 1;
  double least = std::numeric_limits<double>::infinity();
  for (const Timing& t : timings) {
    const double unit = alone.baseline(t.features);
    if (unit > 0) least = std::min(least, t.microseconds / unit);
  }
  // Noise may have made the fastest row faster than its parts: leave room.
  constexpr double kRoom = 1.5;
  return std::isfinite(least) ? kRoom * least : 0;
}

struct Candidate {
  KernelLaw law;
  double loss = std::numeric_limits<double>::infinity();
};

Candidate fit_with(const KernelLaw& law, const std::vector<Timing>& timings) {
  std::vector<Term> terms;
  std::vector<double> ceilings;
  for (const Term term : terms_of(law.form)) {
    const double ceiling = ceiling_of(law.form, term, timings);
    if (ceiling == 0) continue;
    terms.push_back(term);
    ceilings.push_back(ceiling);
  }
  std::vector<double> measured;
  measured.reserve(timings.size());
  for (const Timing& t : timings) measured.push_back(t.microseconds);
  const auto with = [&terms, law](const std::vector<double>& coefficients) {
    KernelLaw changed = law;
    for (std::size_t j = 0; j < terms.size(); ++j) changed[terms[j]] = coefficients[j];
    return changed;
  };
  const RobustFit fit = robust_fit(
      [&](const std::vector<double>& coefficients) {
        const KernelLaw tried = with(coefficients);
        std::vector<double> predicted;
        predicted.reserve(timings.size());
        for (const Timing& t : timings) predicted.push_back(tried.baseline(t.features));
        return predicted;
      },
      measured, ceilings);
  return {with(fit.coefficients), fit.loss};
}

std::size_t nearest(const std::vector<double>& knots, double value) {
  std::size_t best = 0;
  const auto distance = [value](double knot) { return std::abs(std::log2(value / knot)); };
  for (std::size_t i = 1; i < knots.size(); ++i)
    if (distance(knots[i]) < distance(knots[best])) best = i;
  return best;
}

double quantile(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(std::lround(share * last))];
}

}  // namespace

KernelLaw fit_coefficients(LawForm form, const std::vector<Timing>& timings) {
  KernelLaw law;
  law.form = form;
  if (form == LawForm::kRooflineRatio) return fit_with(law, timings).law;
  Candidate best;
  for (const double exponent : kExponents) {
    law.exponent = exponent;
    Candidate tried = fit_with(law, timings);
    if (tried.loss < best.loss) best = std::move(tried);
  }
  return best.law;
}

FittedRatio fit_ratio(const KernelLaw& physics, const std::vector<Timing>& timings,
                      const std::vector<double>& u, const std::vector<double>& v, int least) {
  FittedRatio fit{std::vector<double>(u.size() * v.size()), std::vector<int>(u.size() * v.size())};
  for (const Timing& t : timings) {
    const std::size_t knot = nearest(u, t.features.u) * v.size() + nearest(v, t.features.v);
    fit.ratios[knot] += std::log(t.microseconds / physics.baseline(t.features));
    ++fit.counts[knot];
  }
  for (std::size_t knot = 0; knot < fit.ratios.size(); ++knot) {
    if (fit.counts[knot] > 0)
      fit.ratios[knot] = std::exp(fit.ratios[knot] / std::max(fit.counts[knot], least));
    else if (knot % v.size() > 0)
      fit.ratios[knot] = fit.ratios[knot - 1];
    else
      fit.ratios[knot] = knot >= v.size() ? fit.ratios[knot - v.size()] : 1;
  }
  return fit;
}

ErrorSummary summarise(const std::vector<double>& predicted, const std::vector<double>& measured) {
  ErrorSummary s;
  s.count = static_cast<int>(measured.size());
  if (measured.empty()) return s;
  std::vector<double> errors;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const double signed_error = predicted[i] / measured[i] - 1;
    s.bias += signed_error / static_cast<double>(measured.size());
    errors.push_back(std::abs(signed_error));
  }
  std::sort(errors.begin(), errors.end());
  s.median = quantile(errors, 0.5);
  s.p90 = quantile(errors, 0.9);
  s.p95 = quantile(errors, 0.95);
  s.max = errors.back();
  return s;
}

}  // namespace kvsim
