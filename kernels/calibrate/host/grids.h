#pragma once
// The shapes of each family: grids, mixed batches, steps.

#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"

namespace kvsim::calibrate {

/// Fills in label and estimate.
[[nodiscard]] Case make_case(const std::string& family, What what);

/// Powers of two and the points half an octave between them, from `first` to `last`.
[[nodiscard]] std::vector<std::int32_t> half_octaves(std::int32_t first, std::int32_t last);

/// The laws that lengths of a mixed batch follow.
enum class LengthLaw {
  kConstant,
  kUniform,
  kNarrow,   ///< Log-normal, sigma 0.5.
  kMedium,   ///< Log-normal, sigma 1.
  kWide,     ///< Log-normal, sigma 1.5.
  kBimodal,  ///< One in 16 is 16 times as long as the others.
  kOneLong,  ///< One is 32 times as long as the others.
};
inline constexpr int kLengthLaws = 7;
[[nodiscard]] const char* word_of(LengthLaw law);

/// Of mean about `mean`, each at least 1. Same seed, same lengths.
[[nodiscard]] std::vector<std::int32_t> lengths_by(LengthLaw law, int sequences, double mean,
                                                   std::uint64_t seed);

/// A Latin hypercube over batch size (1 to 256) and mean length (128 to 16,384), both by
/// logarithm, with the laws in turn. Batches of one length are held out, because neither coordinate
/// is on the grid; of the others 30 %.
[[nodiscard]] std::vector<Case> mixed_batches(int count, std::uint64_t seed);

}  // namespace kvsim::calibrate
