#pragma once
// Speculation: who guesses the next tokens, and how many, as the config says.
//
// Field names are those of vLLM's speculative_config. The guesses (drafts) of a step are verified
// by the next one; what that means for memory is vLLM's (semantics 4, 5): drafts get slots like
// other tokens, are never cached, and the slots of rejected ones are kept for the tokens to come.

#include "sim/core/config_view.h"
#include "sim/core/units.h"

namespace kvsim {

struct Speculation {
  Tokens drafts;          ///< Guesses a step; 0: none.
  bool own_head = false;  ///< A head on the model's own states guesses (EAGLE, MTP).
  bool model = false;     ///< A smaller model guesses, with a KV cache of its own.

  /// Slots beyond a step's tokens that the guesser writes while it guesses.
  [[nodiscard]] Tokens lookahead() const { return own_head || model ? drafts : Tokens(0); }
};

/// Reads /speculative. Throws InputError for a method without a number of drafts.
[[nodiscard]] Speculation speculation_of(const ConfigView& config);

}  // namespace kvsim
