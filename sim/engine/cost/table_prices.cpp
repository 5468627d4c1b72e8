#include "sim/engine/cost/table_prices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace kvsim {
namespace {

constexpr double kMicro = 1e-6;
constexpr double kWide = 2;  // bytes of an activation
constexpr double kAllReducesPerLayer = 2;

double as_double(Tokens n) { return static_cast<double>(n.value()); }
double as_double(std::int64_t n) { return static_cast<double>(n); }

/// How unlike a family is to these heads, what matters most first: its format, the width of a head,
/// queries that share a KV head, KV heads.
auto distance(const KernelFamily& f, DType kv, double q_heads, double kv_heads, double head_dim) {
  const auto apart = [](double a, double b) { return std::abs(std::log2(a / b)); };
  return std::tuple(f.kv != kv, std::abs(bits_of(f.kv) - bits_of(kv)),
                    apart(as_double(f.head_dim), head_dim),
                    apart(as_double(f.q_heads) / as_double(f.kv_heads), q_heads / kv_heads),
                    apart(as_double(f.kv_heads), kv_heads));
}

std::int32_t whole(double n) { return static_cast<std::int32_t>(n); }

using LengthClasses = std::array<LengthClass, StepShape::kBuckets>;

/// A step's decodes by length, one class for each bucket of its histogram, so that they read
/// `context` tokens in sum. Returns how many there are. Where the step has no histogram (a
/// drafter's passes), one class of the mean length.
std::size_t length_classes(const StepShape& s, Tokens context, LengthClasses& classes) {
  double middles = 0;
  std::int64_t counted = 0;
  for (std::size_t b = 0; b < StepShape::kBuckets; ++b) {
    counted += s.decode_contexts[b];
    middles += 1.5 * std::exp2(b) * s.decode_contexts[b];
  }
  const auto length = [](double tokens) {
    return std::max(1, static_cast<std::int32_t>(std::lround(tokens)));
  };
  if (counted != s.decodes) {
    classes[0] = {length(as_double(context) / as_double(s.decodes)), s.decodes};
    return 1;
  }
  std::size_t used = 0;
  for (std::size_t b = 0; b < StepShape::kBuckets; ++b)
    if (s.decode_contexts[b] > 0)
      classes[used++] = {length(1.5 * std::exp2(b) * as_double(context) / middles),
                         s.decode_contexts[b]};
  return used;
}

const GemmTable* gemm_of(const CostProfile& profile, DType type) {
  const DType wanted = type == DType::kFp16 ? DType::kBf16 : type;
  const auto found = std::find_if(profile.gemms.begin(), profile.gemms.end(),
                                  [wanted](const GemmTable& t) { return t.dtype == wanted; });
  return found == profile.gemms.end() ? nullptr : &*found;
}

}  // namespace

void RowCurve::add(const GemmTable& table, const Linear& linear) {
  const double bytes = static_cast<double>(bits_of(table.dtype)) / 8;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    seconds_[i] += linear.count * kMicro *
                   table.laws[i].microseconds(gemm_launch(rows_[i], linear.out, linear.in, bytes));
}

double RowCurve::at(double rows) const {
  const auto above = std::upper_bound(rows_.begin() + 1, rows_.end() - 1, rows);
  const auto i = static_cast<std::size_t>(above - rows_.begin());
  const double slope = (seconds_[i] - seconds_[i - 1]) / (rows_[i] - rows_[i - 1]);
  return seconds_[i - 1] + slope * (rows - rows_[i - 1]);
}

TablePrices::TablePrices(RooflinePrices physics, const CostProfile& profile)
    : physics_(std::move(physics)),
      decode_(attention(profile, AttentionPhase::kDecode)),
      prefill_(attention(profile, AttentionPhase::kPrefill)) {
  read_gemms(profile);
  read_all_reduces(profile);
}

std::optional<TablePrices::Attention> TablePrices::attention(const CostProfile& profile,
                                                             AttentionPhase phase) const {
  const PassWork& w = physics_.work();
  if (w.latent) return std::nullopt;
  const KernelFamily* best = nullptr;
  const auto unlike = [&](const KernelFamily& f) {
    return distance(f, w.kv, w.heads.q_heads, w.kv_heads, w.heads.head_dim);
  };
  for (const KernelFamily& f : profile.families)
    if (f.phase == phase && (best == nullptr || unlike(f) < unlike(*best))) best = &f;
  if (best == nullptr) return std::nullopt;
  Attention a{.law = best->law,
              .planned = {},
              .planner = {},
              .heads = w.heads,
              .scale = w.kv_heads / as_double(best->kv_heads),
              .hull_tokens = best->hull_tokens,
              .from = ""};
  a.planner = best->planner;
  a.planned.q_heads = whole(w.heads.q_heads);
  a.planned.kv_heads = whole(w.kv_heads);
  a.planned.head_dim = whole(w.heads.head_dim);
  a.planned.kv_token_bytes = whole(std::ceil(w.heads.kv_token_bytes / w.kv_heads));
  a.planned.page_tokens = best->page_tokens;
  a.heads.q_heads /= a.scale;
  a.heads.kv_token_bytes /= a.scale;
  const bool same = as_double(best->q_heads) == w.heads.q_heads && a.scale == 1 &&
                    as_double(best->head_dim) == w.heads.head_dim &&
                    (best->kv == w.kv || !(is_quantised(best->kv) || is_quantised(w.kv)));
  if (!same)
    a.from = fmt::format("{}/{}/{} {}", best->q_heads, best->kv_heads, best->head_dim,
                         word_of(best->kv));
  return a;
}

void TablePrices::read_gemms(const CostProfile& profile) {
  const PassWork& w = physics_.work();
  if (const GemmTable* table = gemm_of(profile, w.weights)) {
    linears_.emplace(table->m);
    for (const Linear& linear : w.linears) linears_->add(*table, linear);
  }
  if (const GemmTable* table = gemm_of(profile, DType::kBf16)) {
    head_.emplace(table->m);
    head_->add(*table, w.head);
  }
}

// Between two timed numbers of GPUs in proportion to their logarithms. What was timed was one node.
void TablePrices::read_all_reduces(const CostProfile& profile) {
  const double ways = as_double(physics_.work().ways);
  const auto& all = profile.all_reduces;
  const auto above = std::find_if(all.begin(), all.end(), [ways](const AllReduceLines& l) {
    return as_double(l.gpus) >= ways;
  });
  if (above == all.end() || ways == 1 || physics_.spans_nodes()) return;
  if (above == all.begin() || as_double(above->gpus) == ways) {
    all_reduce_ = {{1, *above}};
    return;
  }
  const AllReduceLines& below = *std::prev(above);
  const double weight = std::log2(ways / as_double(below.gpus)) /
                        std::log2(as_double(above->gpus) / as_double(below.gpus));
  all_reduce_ = {{1 - weight, below}, {weight, *above}};
}

double TablePrices::linears(double tokens) const {
  if (!linears_) return physics_.linears(tokens);
  return linears_->at(tokens) + physics_.elementwise(tokens);
}

double TablePrices::head(double samples) const {
  if (samples == 0 || !head_) return physics_.head(samples);
  return head_->at(samples);
}

double TablePrices::launch(const Attention& a, const LaunchFeatures& features,
                           double kv_tokens) const {
  if (!a.from.empty() || kv_tokens > a.hull_tokens || !a.law.ratio.covers(features.u, features.v))
    ++outside_;
  return kMicro * a.law.microseconds(features);
}

double TablePrices::decode_attention(const StepShape& s) const {
  if (s.decodes == 0) return 0;
  if (!decode_) return physics_.decode_attention(s);
  const PassWork& w = physics_.work();
  double sum = 0;
  if (w.full_layers > 0) sum += w.full_layers * decode_layer(s, s.decode_context);
  if (w.local_layers > 0) sum += w.local_layers * decode_layer(s, s.local_decode_context);
  return sum;
}

double TablePrices::decode_layer(const StepShape& s, Tokens context) const {
  const Attention& a = *decode_;
  if (a.law.form == LawForm::kPlanner) {
    LengthClasses classes;
    const auto used = length_classes(s, context, classes);
    const DecodeFeatures plan = decode_features(a.planned, a.planner, {classes.data(), used});
    return launch(a, decode_launch(a.planned, a.planner, plan), as_double(context));
  }
  // Others' kernels split long sequences too, so unequal ones are balanced: the batch acts like one
  // of the mean length.
  const double tokens = as_double(context) * a.scale;
  return launch(a, decode_launch(a.heads, as_double(s.decodes) * a.scale, tokens), tokens);
}

double TablePrices::prefill_attention(const StepShape& s) const {
  if (s.prefills == 0) return 0;
  if (!prefill_) return physics_.prefill_attention(s);
  const PassWork& w = physics_.work();
  const double scale = prefill_->scale;
  const auto layer = [&](Tokens context, std::int64_t pairs) {
    const double tokens = as_double(context) * scale;
    return launch(
        *prefill_,
        prefill_launch(prefill_->heads, as_double(s.prefills) * scale,
                       as_double(s.prefill_new) * scale, tokens, as_double(pairs) * scale),
        tokens);
  };
  double sum = 0;
  if (w.full_layers > 0) sum += w.full_layers * layer(s.prefill_context, s.prefill_pairs);
  if (w.local_layers > 0)
    sum += w.local_layers * layer(s.local_prefill_context, s.local_prefill_pairs);
  return sum;
}

double TablePrices::all_reduce(double tokens) const {
  if (all_reduce_.empty()) return physics_.all_reduce(tokens);
  const PassWork& w = physics_.work();
  double one = 0;
  for (const WeightedLines& part : all_reduce_)
    one += part.weight * part.lines.microseconds(tokens * w.hidden * kWide);
  return kAllReducesPerLayer * w.layers * kMicro * one;
}

std::string TablePrices::borrowed() const {
  std::vector<std::string> parts;
  const PassWork& w = physics_.work();
  if (w.latent) parts.emplace_back("MLA by roofline");
  if (w.experts) parts.emplace_back("experts by roofline");
  if (w.state_bytes > 0) parts.emplace_back("Mamba by roofline");
  if (!linears_) parts.push_back(fmt::format("{} matrices by roofline", word_of(w.weights)));
  if (all_reduce_.empty() && w.ways > 1) parts.emplace_back("all-reduce by roofline");
  if (decode_ && !decode_->from.empty())
    parts.push_back(fmt::format("decode after heads {}", decode_->from));
  if (prefill_ && !prefill_->from.empty())
    parts.push_back(fmt::format("prefill after heads {}", prefill_->from));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace kvsim
