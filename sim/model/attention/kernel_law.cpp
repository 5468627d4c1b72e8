#include "sim/model/attention/kernel_law.h"

#include <algorithm>
#include <cmath>

namespace kvsim {
namespace {

constexpr std::array kRooflineTerms{Term::kFloor, Term::kByte, Term::kFlop, Term::kSequence};
constexpr std::array kPlannerTerms{Term::kFloor, Term::kMergeFloor,    Term::kByte,
                                   Term::kWave,  Term::kMergeDoubling, Term::kSequence,
                                   Term::kPage,  Term::kBusiestByte};

constexpr std::array<std::string_view, kTerms> kTermWords{
    "floor_us",    "merge_floor_us",        "us_per_byte",     "us_per_busiest_byte", "us_per_flop",
    "us_per_wave", "us_per_doubled_splits", "us_per_sequence", "us_per_page"};

constexpr double kWide = 2;  // bytes of an activation

/// A token's queries in and outputs out.
double query_bytes(const HeadShape& shape) { return 2 * shape.q_heads * shape.head_dim * kWide; }

}  // namespace

std::string_view word_of(LawForm form) {
  return form == LawForm::kPlanner ? "planner" : "roofline-ratio";
}

std::optional<LawForm> law_form_of(std::string_view word) {
  for (const LawForm form : {LawForm::kRooflineRatio, LawForm::kPlanner})
    if (word == word_of(form)) return form;
  return std::nullopt;
}

std::span<const Term> terms_of(LawForm form) {
  if (form == LawForm::kPlanner) return kPlannerTerms;
  return kRooflineTerms;
}

std::string_view word_of(Term term) { return kTermWords[static_cast<std::size_t>(term)]; }

double KernelLaw::baseline(const LaunchFeatures& f) const {
  const KernelLaw& c = *this;
  const double whole = c[Term::kByte] * f.bytes;
  const double busiest = c[Term::kBusiestByte] * f.busiest_bytes;
  // The longer of two readings, with a rounded corner: (a^p + b^p)^(1/p), scaled so that neither
  // power leaves the range of a double.
  const double longest = std::max(whole, busiest);
  const double shorter = std::min(whole, busiest);
  const double reading =
      shorter == 0 ? longest
                   : longest * std::pow(1 + std::pow(shorter / longest, exponent), 1 / exponent);
  const double merge =
      f.splits > 1 ? c[Term::kMergeFloor] + c[Term::kMergeDoubling] * std::log2(1 + f.splits) : 0;
  return c[Term::kFloor] + merge + reading + c[Term::kFlop] * f.flops + c[Term::kWave] * f.waves +
         c[Term::kSequence] * f.sequences + c[Term::kPage] * f.pages;
}

LaunchFeatures decode_launch(const DecodeShape& shape, const DecodeDevice& device,
                             const DecodeFeatures& plan) {
  LaunchFeatures f;
  f.bytes = plan.bytes;
  f.busiest_bytes = plan.makespan_bytes;
  f.waves = static_cast<double>(plan.waves);
  f.splits = static_cast<double>(plan.max_splits);
  f.sequences = static_cast<double>(plan.sequences);
  const double places = device.resident;
  f.pages = static_cast<double>(plan.pages) * shape.kv_heads / places;
  f.u = plan.bytes;
  const double kv_bytes = static_cast<double>(plan.tokens) * shape.kv_heads * shape.kv_token_bytes;
  f.v = std::max(1.0, plan.makespan_bytes * places / kv_bytes);
  return f;
}

LaunchFeatures decode_launch(const HeadShape& shape, double sequences, double context) {
  LaunchFeatures f;
  f.bytes = context * shape.kv_token_bytes + sequences * query_bytes(shape);
  f.sequences = sequences;
  f.u = sequences;
  f.v = context / sequences;
  return f;
}

LaunchFeatures prefill_launch(const HeadShape& shape, double sequences, double fresh,
                              double context, double pairs) {
  LaunchFeatures f;
  f.bytes = context * shape.kv_token_bytes + fresh * query_bytes(shape);
  constexpr double kProducts = 2;  // scores and values
  constexpr double kMultiplyAdd = 2;
  f.flops = kProducts * kMultiplyAdd * shape.q_heads * shape.head_dim * pairs;
  f.sequences = sequences;
  f.u = sequences;
  // n new tokens without a prefix make n (n + 1) / 2 pairs.
  f.v = (std::sqrt(8 * pairs / sequences + 1) - 1) / 2;
  return f;
}

LaunchFeatures gemm_launch(double m, double n, double k, double element_bytes) {
  LaunchFeatures f;
  f.bytes = (n * k + m * k) * element_bytes + m * n * kWide;
  f.flops = 2 * m * n * k;
  f.u = n;
  f.v = k;
  return f;
}

}  // namespace kvsim
