#include "sim/engine/prefix_history.h"

#include <algorithm>

namespace kvsim {

Tokens PrefixHistory::known(const Request& r, Tokens limit, Stage stage) const {
  std::int64_t known = 0;
  trie_.follow(r, limit, [&](const Lengths& reached, const Trie::Piece& piece) {
    const std::int64_t there = reached[static_cast<std::size_t>(stage)];
    known += std::min(piece.length, there);
    return there >= piece.length;
  });
  return Tokens(known);
}

void PrefixHistory::record(const Request& r, Tokens count, Stage stage) {
  trie_.extend(r, count, [&](Lengths& reached, const Trie::Piece& piece) {
    for (std::size_t s = 0; s <= static_cast<std::size_t>(stage); ++s)
      reached[s] = std::max(reached[s], piece.length);
  });
}

}  // namespace kvsim
