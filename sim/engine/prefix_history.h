#pragma once
// PrefixHistory: how much of this prompt has ever been seen before? To the token, for ever.
//
// A trie over spans, not tokens: a node is "content c from offset o, entered at this point", and
// remembers how far anybody ever followed it. Memory grows with the distinct spans of shared
// content; private content of requests without a session is never asked for again and not kept.
// Two lengths are kept per node: what was started by some request, and what was computed.

#include <array>
#include <cstdint>
#include <vector>

#include "sim/core/flat_map.h"
#include "sim/model/request.h"

namespace kvsim {

class PrefixHistory {
 public:
  enum class Stage : std::uint8_t { kStarted, kComputed };

  /// Leading tokens of `r`, at most `limit`, that were recorded at this stage before.
  [[nodiscard]] Tokens known(const Request& r, Tokens limit, Stage stage) const;
  /// The first `count` tokens of `r` have reached `stage` (and all earlier ones).
  void record(const Request& r, Tokens count, Stage stage);

 private:
  struct NodeTag;
  using NodeId = Id<NodeTag>;
  struct Node {
    std::array<std::int64_t, 2> length{};  // by Stage
  };
  // Where a walk stands: in a node, so many tokens along it.
  struct Place {
    Key128 root;
    NodeId node;
    std::int64_t along = 0;
  };
  static Place start(const Request& r);
  static Key128 key_of(const Place& from, const Span& span);

  std::vector<Node> nodes_;
  FlatMap<NodeId> by_key_;
};

}  // namespace kvsim
