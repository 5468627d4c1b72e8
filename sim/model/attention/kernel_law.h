#pragma once
// KernelLaw: how long a kernel takes, from a few sums about its launch.
//
//     time = (constants . features + soft maximum of two readings) * ratio
//
// One evaluation for two forms of knowledge. `planner` is for our own kernels, whose schedule is
// known: the planner says how the work falls on the GPU. `roofline-ratio` is for others' kernels,
// of which only timings are known: floor, bytes and FLOPs one after the other, and a ratio table
// for the rest. Which terms a form has is one table in the .cpp; the fit (kernels/fit) and the
// simulator read the same.

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "sim/model/attention/decode_plan.h"
#include "sim/model/attention/ratio_table.h"

namespace kvsim {

enum class LawForm : unsigned char { kRooflineRatio, kPlanner };

[[nodiscard]] std::string_view word_of(LawForm form);  ///< "roofline-ratio", "planner"
[[nodiscard]] std::optional<LawForm> law_form_of(std::string_view word);

/// What a law knows of a launch. A form reads those it has a coefficient for; the rest stays 0.
struct LaunchFeatures {
  double bytes = 0;          ///< Moved between memory and the chip.
  double flops = 0;          ///< Executed.
  double sequences = 0;      ///< Of the batch.
  double busiest_bytes = 0;  ///< Of the place on the device that is assigned most.
  double waves = 0;          ///< Work items on the fullest slot.
  double splits = 1;         ///< Of the sequence cut into most pieces; 1: no merge.
  double pages = 0;          ///< Looked up by a place on the device, on average.
  /// Where to look in the ratio table.
  double u = 1;
  double v = 1;
};

/// Coefficients of a law, in microseconds (per unit of the feature).
enum class Term : unsigned char {
  kFloor,        ///< Of a launch.
  kMergeFloor,   ///< Once more, if anything is split.
  kByte,         ///< Of memory traffic: the inverse of a bandwidth.
  kBusiestByte,  ///< The same, of one place.
  kFlop,
  kWave,
  kMergeDoubling,  ///< Of log2(1 + splits), if anything is split.
  kSequence,
  kPage,
};
inline constexpr std::size_t kTerms = 9;

/// The terms a form has, in the order in which a profile lists them.
[[nodiscard]] std::span<const Term> terms_of(LawForm form);
[[nodiscard]] std::string_view word_of(Term term);  ///< "floor_us", "us_per_byte", ...

struct KernelLaw {
  LawForm form = LawForm::kRooflineRatio;
  std::array<double, kTerms> coefficients{};  ///< By Term; not negative.
  double exponent = 4;  ///< Of the soft maximum: whole chip or busiest multiprocessor (planner).
  RatioTable ratio{};

  [[nodiscard]] double& operator[](Term term) {
    return coefficients[static_cast<std::size_t>(term)];
  }
  [[nodiscard]] double operator[](Term term) const {
    return coefficients[static_cast<std::size_t>(term)];
  }
  /// The physics alone, in microseconds.
  [[nodiscard]] double baseline(const LaunchFeatures& features) const;
  /// With the ratio.
  [[nodiscard]] double microseconds(const LaunchFeatures& features) const {
    return baseline(features) * ratio.at(features.u, features.v);
  }
};

/// A planned decode as the form planner sees it. Looked up by bytes and by how many times the mean
/// the busiest place has to read.
[[nodiscard]] LaunchFeatures decode_launch(const DecodeShape& shape, const DecodeDevice& device,
                                           const DecodeFeatures& plan);

/// One layer's heads on one GPU, and what caching a token costs them.
struct HeadShape {
  double q_heads = 0;
  double head_dim = 0;
  double kv_token_bytes = 0;  ///< K and V of all KV heads, scales included.
};

// Launches as the form roofline-ratio sees them.

/// `sequences` of one new token each, which read `context` tokens in sum. Looked up by batch and
/// mean context.
[[nodiscard]] LaunchFeatures decode_launch(const HeadShape& shape, double sequences,
                                           double context);

/// `sequences` that compute `fresh` tokens in sum and read `context`; `pairs` of query and key
/// under the causal mask. Looked up by batch and by the length of a whole prompt with as many
/// pairs: tables know prompts without a cached prefix only.
[[nodiscard]] LaunchFeatures prefill_launch(const HeadShape& shape, double sequences, double fresh,
                                            double context, double pairs);

/// C[m, n] = A[m, k] B[k, n] with 16-bit results. Looked up by n and k.
[[nodiscard]] LaunchFeatures gemm_launch(double m, double n, double k, double element_bytes);

}  // namespace kvsim
