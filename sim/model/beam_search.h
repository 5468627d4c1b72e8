#pragma once
// BeamSearch: which beams live on, and which fork, decided by a seeded model of their scores.
//
// Every beam proposes its 2 * width best next tokens (as vLLM asks for logprobs); the best `width`
// of all proposals by total log-probability survive. The next-token law of a beam: the best
// token is ahead of the second by Exp(peak) nats, the second of the third by Exp(peak / 2), the
// k-th of the next by Exp(peak / k), which is how the largest of many exponential variates are
// spaced (Renyi 1953); normalised over the proposals. `peak` is the one parameter: near 0 all
// tokens are alike and lineages die young; the larger, the longer beams live side by side.
// Its default, 6, was fitted to one figure: the memory that beams of width 6 share in the
// PagedAttention paper (SOSP 2023, Fig. 15; tests/policies/sharing_figures_test.cc).
// Knows nothing of language: only how lineages branch and die.
// Cost of a step: O(width^2 log width).

#include <cstdint>
#include <span>
#include <vector>

#include "sim/core/rng.h"
#include "sim/model/content.h"

namespace kvsim {

class BeamSearch {
 public:
  /// The search number `family` of a run: the same whoever carries it out.
  BeamSearch(std::uint32_t width, double peak, std::uint64_t seed, std::uint64_t family);

  /// One token more for every beam. parents()[i] is then the beam that beam i continues: a survivor
  /// keeps its place (i itself) and its other children take the places of the dead. The first step
  /// starts from the prompt, which is beam 0.
  void step();
  [[nodiscard]] std::span<const std::uint32_t> parents() const { return parents_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  /// What only beam `i` says from the last step on, if it left its place's old text there.
  [[nodiscard]] ContentId branch(std::uint32_t i) const;

 private:
  struct Proposal {
    double score;
    std::uint32_t parent;
  };
  void propose(std::uint32_t parent, double score);
  void place_survivors();

  std::uint32_t width_;
  double peak_;
  std::uint64_t family_;
  Rng rng_;
  std::int64_t steps_ = 0;
  std::vector<double> scores_;  // of the beams
  std::vector<std::uint32_t> parents_;
  std::vector<Proposal> proposals_;
  std::vector<double> law_;  // of one beam, scratch
};

/// Content that one sibling alone says: branch `n` of family `family`. Branches below the family's
/// size are what each sibling says from the start.
[[nodiscard]] ContentId sibling_content(std::uint64_t family, std::uint64_t n);

}  // namespace kvsim
