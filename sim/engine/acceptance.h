#pragma once
// Acceptance: how many guesses a sequence makes, and how many of them turn out right.
//
// A guess is right with a probability of its own if all before it were; with one rate `a` for all,
// guesses are independent, and k of them yield (1 - a^(k+1)) / (1 - a) tokens a step on average
// (Leviathan, Kalman, Matias, "Fast Inference from Transformers via Speculative Decoding", ICML
// 2023, equation 1). Rates by position are those that vLLM logs: of the times k tokens were
// guessed, the share in which the first i were all accepted.
// Whether the guess at an output token is right is drawn from (seed, request, position): no matter
// when, where or beside whom it runs.
// Deviation: n-gram look-up always finds something to guess; vLLM's at times finds no match.

#include <vector>

#include "sim/core/config_view.h"
#include "sim/core/hash.h"
#include "sim/model/sequence.h"

namespace kvsim {

class Acceptance {
 public:
  /// Throws InputError for rates that do not match the number of guesses.
  explicit Acceptance(const ConfigView& config);

  [[nodiscard]] bool any() const { return !right_.empty(); }
  /// Guesses to verify in the next step of `s`. Never the token after its last, which nobody asked
  /// for: a sequence with guesses needs no more memory than without.
  [[nodiscard]] Tokens proposed(const Sequence& s) const;
  /// Of `drafts` guesses at the next output tokens of `s`, how many are right from the first on.
  [[nodiscard]] Tokens accepted(const Sequence& s, Tokens drafts) const;

 private:
  [[nodiscard]] double draw(std::uint64_t request, Tokens position) const;

  std::vector<double> right_;  // by place of the guess: its chance, all before it being right
  Digest stream_;
};

}  // namespace kvsim
