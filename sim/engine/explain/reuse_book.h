#pragma once
// ReuseBook: which eviction is to blame for a missing token?
//
// Evictions are written down over the prefixes they hit, replica by replica; a later one covers an
// earlier one. A request that misses tokens asks who covered them last.

#include <cstdint>
#include <map>
#include <vector>

#include "sim/engine/prefix_trie.h"

namespace kvsim {

class ReuseBook {
 public:
  /// A prefix's own part: what a trie node remembers.
  struct Page {
    std::uint64_t first_asked_by = 0;  ///< Request::id.
    std::int64_t first = 0;            ///< Its tokens start there in that request.
    std::int64_t length = 0;           ///< The longest anybody asked for.
    std::int64_t asked = 0;
    std::int64_t evictions = 0;

    struct Gone {
      std::int64_t end = 0;
      std::uint32_t eviction = 0;
    };
    /// By replica and first token; intervals of one replica do not overlap.
    std::map<std::pair<std::uint32_t, std::int64_t>, Gone> gone;
  };
  using Trie = PrefixTrie<Page>;

  /// Tokens [from, to) of the asking request, and the eviction that took them.
  struct Claim {
    std::int64_t from = 0, to = 0;
    std::uint32_t eviction = 0;
    Trie::NodeId page;
  };

  /// `r` asks for its prompt.
  void asked(const Request& r);
  /// Eviction number `eviction` took tokens [from, to) of `writer` on replica `where`.
  void evicted(const Request& writer, Tokens from, Tokens to, ReplicaId where,
               std::uint32_t eviction);
  /// Who took tokens [from, to) of `r` on replica `where`, front to back. What no eviction took
  /// (it was never kept) is left out.
  [[nodiscard]] std::vector<Claim> claims(const Request& r, Tokens from, Tokens to,
                                          ReplicaId where) const;

  [[nodiscard]] const Page& operator[](Trie::NodeId id) const { return trie_[id]; }
  [[nodiscard]] std::size_t size() const { return trie_.size(); }

 private:
  static void cover(Page& page, std::uint32_t replica, std::int64_t from, const Page::Gone& gone);

  Trie trie_;
};

}  // namespace kvsim
