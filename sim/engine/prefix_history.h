#pragma once
// PrefixHistory: how much of this prompt has ever been seen before? To the token, for ever.
//
// Two lengths are kept for every prefix: what was started by some request, and what was computed.

#include <array>

#include "sim/engine/prefix_trie.h"

namespace kvsim {

class PrefixHistory {
 public:
  enum class Stage : std::uint8_t { kStarted, kComputed };

  /// Leading tokens of `r`, at most `limit`, that were recorded at this stage before.
  [[nodiscard]] Tokens known(const Request& r, Tokens limit, Stage stage) const;
  /// The first `count` tokens of `r` have reached `stage` (and all earlier ones).
  void record(const Request& r, Tokens count, Stage stage);

 private:
  using Lengths = std::array<std::int64_t, 2>;  // by Stage
  using Trie = PrefixTrie<Lengths>;

  Trie trie_;
};

}  // namespace kvsim
