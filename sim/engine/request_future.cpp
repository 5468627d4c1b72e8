#include "sim/engine/request_future.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "sim/core/hash.h"
#include "sim/engine/fleet/pool_config.h"
#include "sim/model/decoding.h"
#include "sim/model/eviction_policy.h"
#include "sim/model/workload_source.h"

namespace kvsim {
namespace {

// The first of the content's spans from token `from` on. Requires that there is one.
Span span_at(const Content& content, std::int64_t from) {
  for (const Span& span : content.spans()) {
    if (from < span.length) return {span.content, span.offset + from, span.length - from};
    from -= span.length;
  }
  KVSIM_CHECK(false, "the content goes on");
  return {};
}

}  // namespace

void RequestFuture::foresee() {
  if (foreseen()) return;
  const std::vector<Request> requests = read_();
  nodes_.emplace_back();
  for (const Request& r : requests) add(r);
  passed_.assign(requests.size(), false);
}

std::uint64_t RequestFuture::next_use(const CacheEntry& entry) {
  const Tokens until = Tokens(entry.depth) + std::min(Tokens(entry.tokens), block_);
  NodeId id = last_[entry.writer];
  while (Tokens(nodes_[id.index].start) >= until) id = nodes_[id.index].parent;
  Node& node = nodes_[id.index];
  while (node.next < node.users.size() && passed_[node.users[node.next]]) ++node.next;
  return node.next < node.users.size() ? node.users[node.next] : kNever;
}

// Walks down as far as the tree says the same, splits where it goes on otherwise, and where the
// useful part of the prompt ends.
void RequestFuture::add(const Request& r) {
  const Tokens useful = r.prompt - Tokens(1);
  Tokens known;
  NodeId node = kRoot;
  const auto go_to = [&](NodeId next) {
    node = next;
    known = end(node);
    if (known > useful && Tokens(nodes_[node.index].start) < useful) {
      split(node, useful - Tokens(nodes_[node.index].start));
      nodes_[nodes_[node.index].parent.index].users.push_back(r.id);
    } else if (known <= useful) {
      nodes_[node.index].users.push_back(r.id);
    }
  };
  while (known < r.content.tokens()) {
    const Key128 key = child_key(node, span_at(r.content, known.value()));
    NodeId child = children_.find(key);
    if (!child.valid()) {
      child = NodeId{static_cast<std::uint32_t>(nodes_.size())};
      Node& fresh = nodes_.emplace_back();
      fresh.parent = node;
      fresh.start = known.value();
      fresh.edge.append_slice(r.content, known, r.content.tokens() - known);
      children_.insert(key, child);
    } else {
      const Tokens same = common_prefix(nodes_[child.index].edge, Tokens(0), r.content, known);
      if (same < nodes_[child.index].edge.tokens()) {
        split(child, same);
        child = nodes_[child.index].parent;
      }
    }
    go_to(child);
  }
  KVSIM_CHECK(last_.size() == r.id, "requests come in order");
  last_.push_back(node);
}

// The lower part keeps its number, so that who ended there still does.
void RequestFuture::split(NodeId lower, Tokens count) {
  const NodeId upper{static_cast<std::uint32_t>(nodes_.size())};
  nodes_.emplace_back();
  Node& above = nodes_[upper.index];
  Node& below = nodes_[lower.index];
  above.parent = below.parent;
  above.start = below.start;
  above.users = below.users;
  above.edge.append_slice(below.edge, Tokens(0), count);
  Content rest;
  rest.append_slice(below.edge, count, below.edge.tokens() - count);
  children_.replace(child_key(above.parent, above.edge.spans().front()), upper);
  below.edge = std::move(rest);
  below.start += count.value();
  below.parent = upper;
  children_.insert(child_key(upper, below.edge.spans().front()), lower);
}

Tokens RequestFuture::end(NodeId node) const {
  return Tokens(nodes_[node.index].start) + nodes_[node.index].edge.tokens();
}

// Siblings differ in their first token.
Key128 RequestFuture::child_key(NodeId parent, const Span& first) {
  const std::uint64_t where = mix64(parent.index + 1) ^ first.content;
  return {mix64(where + static_cast<std::uint64_t>(first.offset)),
          mix64(mix64(~where) ^ static_cast<std::uint64_t>(first.offset))};
}

std::vector<Request> read_ahead(const ConfigView& config) {
  const auto fail = [&](std::string_view why) {
    config.fail("/cache/eviction", fmt::format("{} needs to know the future, which is unknown {}",
                                               config.text("/cache/eviction"), why));
  };
  if (count_replicas(config) > 1) fail("where a router deals out requests; use /replicas=1");
  if (!config.tree("/faults").empty()) fail("while replicas fail; leave out /faults");
  if (decoding_of(config).beams()) fail("while beams are pruned; use another policy");
  const auto source = open_workload({config, static_cast<std::uint64_t>(config.integer("/seed"))});
  std::vector<Request> all;
  while (source->upcoming()) source->take(all.emplace_back());
  for (const Request& r : all) source->ended(r, r.arrival);
  if (source->upcoming())
    fail("in a closed loop, where turns wait for answers; use a trace with arrivals");
  return all;
}

}  // namespace kvsim
