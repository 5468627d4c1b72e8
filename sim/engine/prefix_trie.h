#pragma once
// PrefixTrie: what is known of every prefix that a workload ever started, to the token.
//
// A trie over spans, not tokens: a node is "content c from offset o, entered at this point", so
// memory grows with the distinct spans of shared content. Private content of requests without a
// session is never asked for again and gets no node.
//
// A span is mostly followed by what followed it first, whose node was made next: there it is looked
// for before it is looked up, so that a walk mostly reads memory in order.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/core/flat_map.h"
#include "sim/core/hash.h"
#include "sim/core/id_index.h"
#include "sim/model/request.h"

namespace kvsim {

template <class Data>
class PrefixTrie {
 public:
  struct NodeTag;
  using NodeId = Id<NodeTag>;
  /// The tokens of a request that one node stands for: [first, first + length), of which token
  /// `first` is the node's token 0.
  struct Piece {
    NodeId node;
    std::int64_t first = 0;
    std::int64_t length = 0;
  };

  [[nodiscard]] const Data& operator[](NodeId id) const { return nodes_[id.index]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  /// Calls visit(data, piece) for the pieces of the first `limit` tokens of `r`, front to back, as
  /// far as there are nodes and visit answers true.
  template <class Visit>
  void follow(const Request& r, Tokens limit, Visit visit) const {
    walk(r, limit, [&](NodeId parent, const Key128& key, Piece piece) {
      piece.node = find(parent, key);
      return piece.node.valid() && visit(nodes_[piece.node.index], piece) ? piece.node : NodeId{};
    });
  }
  /// The same for all of them, making the nodes that are missing; visit answers nothing.
  template <class Visit>
  void extend(const Request& r, Tokens limit, Visit visit) {
    walk(r, limit, [&](NodeId parent, const Key128& key, Piece piece) {
      piece.node = find(parent, key);
      if (!piece.node.valid()) piece.node = make(parent, key);
      visit(nodes_[piece.node.index], piece);
      return piece.node;
    });
  }

 private:
  // Where a walk stands: in a node, so many tokens along it.
  struct Place {
    Key128 root;
    NodeId node;
    std::int64_t along = 0;
  };

  // step(parent, key, piece) names the node of a piece, or ends the walk with an invalid id.
  template <class Step>
  static void walk(const Request& r, Tokens limit, Step step) {
    Place place{{mix64(r.cache_salt + 1), mix64(~r.cache_salt)}, {}, 0};
    std::int64_t first = 0;
    for (const Span& span : r.content.spans()) {
      if (first >= limit.value()) return;
      if (is_private(span.content) && r.session == Request::kNoSession) return;
      const Piece piece{{}, first, std::min(span.length, limit.value() - first)};
      place.node = step(place.node, key_of(place, span), piece);
      if (!place.node.valid()) return;
      place.along = span.length;
      first += span.length;
    }
  }

  // A child is named by where the walk left its parent and what it goes on with.
  static Key128 key_of(const Place& from, const Span& span) {
    Digest lo;
    Digest hi;
    for (const std::uint64_t word :
         {from.root.lo, std::uint64_t{from.node.index}, static_cast<std::uint64_t>(from.along),
          span.content, static_cast<std::uint64_t>(span.offset)}) {
      lo.add(word);
      hi.add(~word);
    }
    return {lo.value(), hi.value()};
  }

  // The node made after `parent`; of none, the first of all.
  static std::uint32_t next(NodeId parent) { return parent.valid() ? parent.index + 1 : 0; }

  [[nodiscard]] NodeId find(NodeId parent, const Key128& key) const {
    const std::uint32_t first = next(parent);
    if (first < keys_.size() && keys_[first] == key) return NodeId{first};
    return others_.find(key.lo, [&](NodeId id) { return keys_[id.index] == key; });
  }
  NodeId make(NodeId parent, const Key128& key) {
    const NodeId id{static_cast<std::uint32_t>(nodes_.size())};
    nodes_.emplace_back();
    keys_.push_back(key);
    if (id.index != next(parent)) others_.insert(key.lo, id);
    return id;
  }

  std::vector<Data> nodes_;
  std::vector<Key128> keys_;  // by node
  IdIndex<NodeId> others_;    // but those that are next to their parents
};

}  // namespace kvsim
