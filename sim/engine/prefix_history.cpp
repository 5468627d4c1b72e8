#include "sim/engine/prefix_history.h"

#include <algorithm>

#include "sim/core/hash.h"

namespace kvsim {

PrefixHistory::Place PrefixHistory::start(const Request& r) {
  return {{mix64(r.cache_salt + 1), mix64(~r.cache_salt)}, {}, 0};
}

// A child is named by where the walk left its parent and what it goes on with.
Key128 PrefixHistory::key_of(const Place& from, const Span& span) {
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

Tokens PrefixHistory::known(const Request& r, Tokens limit, Stage stage) const {
  Place place = start(r);
  std::int64_t known = 0;
  for (const Span& span : r.content.spans()) {
    const std::int64_t wanted = std::min(span.length, limit.value() - known);
    if (wanted <= 0) break;
    const NodeId child = by_key_.find(key_of(place, span));
    if (!child.valid()) break;
    const std::int64_t there = nodes_[child.index].length[static_cast<std::size_t>(stage)];
    known += std::min(wanted, there);
    if (there < wanted) break;
    place.node = child;
    place.along = span.length;
  }
  return Tokens(known);
}

void PrefixHistory::record(const Request& r, Tokens count, Stage stage) {
  Place place = start(r);
  std::int64_t left = count.value();
  for (const Span& span : r.content.spans()) {
    if (left <= 0) return;
    if (is_private(span.content) && r.session == Request::kNoSession) return;
    const Key128 key = key_of(place, span);
    NodeId child = by_key_.find(key);
    if (!child.valid()) {
      child = NodeId{static_cast<std::uint32_t>(nodes_.size())};
      nodes_.emplace_back();
      by_key_.insert(key, child);
    }
    const std::int64_t reached = std::min(left, span.length);
    for (std::size_t s = 0; s <= static_cast<std::size_t>(stage); ++s)
      nodes_[child.index].length[s] = std::max(nodes_[child.index].length[s], reached);
    left -= reached;
    place.node = child;
    place.along = span.length;
  }
}

}  // namespace kvsim
