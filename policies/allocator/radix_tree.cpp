#include "policies/allocator/radix_tree.h"

#include <algorithm>
#include <utility>

#include "sim/core/check.h"
#include "sim/core/hash.h"

namespace kvsim {

RadixTree::RadixTree(Tokens page, std::unique_ptr<EvictionPolicy> policy)
    : page_(page), policy_(std::move(policy)) {
  const NodeId root = make_node({}, 0, 0);
  KVSIM_CHECK(root == kRoot, "the root is the first node");
  nodes_[kRoot].locks = 1;  // for ever: the root is nobody's victim
}

// ---- Walking down -------------------------------------------------------------------------------

RadixTree::Match RadixTree::match(const PrefixKey& key) {
  const PrefixKey whole{key.content, whole_pages(key.tokens), key.salt};
  if (whole.tokens == Tokens(0)) return {Tokens(0), kRoot};  // SGLang takes no tick for it either
  return descend(whole, nullptr);
}

Tokens RadixTree::insert(const PrefixKey& key, std::span<const BlockId> pages, const Use& use) {
  const PrefixKey whole{key.content, whole_pages(key.tokens), key.salt};
  const Match known = descend(whole, &use);
  if (known.tokens < whole.tokens) add_leaf(known.node, whole, pages, use);
  return known.tokens;
}

RadixTree::Match RadixTree::descend(const PrefixKey& key, const Use* use) {
  const std::uint64_t now = ++clock_;
  Match reached{Tokens(0), kRoot};
  KeyCursor at(key.content);
  while (reached.tokens < key.tokens) {
    const NodeId child = child_of(reached.node, key.salt, at);
    if (!child.valid()) break;
    const Tokens same = whole_pages(at.common(nodes_[child].edge, key.tokens - reached.tokens));
    reached = {reached.tokens + same, visit(child, same, use, now)};
    at.advance(same);
  }
  return reached;
}

RadixTree::NodeId RadixTree::visit(NodeId child, Tokens same, const Use* use, std::uint64_t now) {
  withdraw(child);
  nodes_[child].last_used = now;  // even where only a part of the edge matches
  const NodeId reached = same < nodes_[child].tokens() ? split(child, same) : child;
  if (use != nullptr) {
    nodes_[reached].priority = std::max(nodes_[reached].priority, use->priority);
    nodes_[reached].hits += use->chunked ? 0 : 1;
  }
  offer(child);
  return reached;
}

RadixTree::Match RadixTree::find(const PrefixKey& key) const {
  Match reached{Tokens(0), kRoot};
  KeyCursor at(key.content);
  const Tokens end = whole_pages(key.tokens);
  while (reached.tokens < end) {
    const NodeId child = child_of(reached.node, key.salt, at);
    if (!child.valid()) break;
    const Tokens edge = nodes_[child].tokens();
    if (at.common(nodes_[child].edge, end - reached.tokens) < edge) break;
    reached = {reached.tokens + edge, child};
    at.advance(edge);
  }
  return reached;
}

void RadixTree::copy_path(NodeId node, std::size_t first, std::span<BlockId> out) const {
  for (std::size_t left = out.size(); left > 0; node = nodes_[node].parent) {
    const std::vector<BlockId>& pages = nodes_[node].pages;
    const std::size_t start = static_cast<std::size_t>(nodes_[node].depth / page_);
    const std::size_t skip = first > start ? first - start : 0;
    KVSIM_CHECK(start + pages.size() == first + left, "the path ends where the room does");
    std::copy(pages.begin() + static_cast<std::ptrdiff_t>(skip), pages.end(),
              out.begin() + static_cast<std::ptrdiff_t>(start + skip - first));
    left -= pages.size() - skip;
  }
}

// ---- Changing the shape -------------------------------------------------------------------------

RadixTree::NodeId RadixTree::make_node(NodeId parent, std::uint64_t salt, std::int32_t priority) {
  const NodeId id = nodes_.take();
  Node& node = nodes_[id];
  node.parent = parent;
  node.salt = salt;
  node.priority = priority;
  node.children = node.locks = node.hits = 0;
  node.edge.clear();
  node.pages.clear();
  node.last_used = ++clock_;  // SGLang's constructor reads its clock in this order
  node.created = ++clock_;
  return id;
}

// The upper part is the new node and looks young; the lower one keeps its identity, so that whoever
// locked it still holds the whole path. Requires a `lower` that was withdrawn.
RadixTree::NodeId RadixTree::split(NodeId lower, Tokens count) {
  const NodeId upper = make_node(nodes_[lower].parent, nodes_[lower].salt, nodes_[lower].priority);
  Node& above = nodes_[upper];
  Node& below = nodes_[lower];
  const auto cut = below.pages.begin() + static_cast<std::ptrdiff_t>(count / page_);
  KVSIM_CHECK(children_.replace(hash_of(below), lower, upper), "a node is indexed by its edge");

  above.depth = below.depth;
  above.edge.append_slice(below.edge, Tokens(0), count);
  above.pages.assign(below.pages.begin(), cut);
  above.locks = below.locks;
  above.hits = below.hits;
  above.writer = below.writer;
  above.turn = below.turn;
  above.children = 1;

  rest_.clear();
  rest_.append_slice(below.edge, count, below.tokens() - count);
  std::swap(below.edge, rest_);
  below.pages.erase(below.pages.begin(), cut);
  below.depth += count;
  below.parent = upper;
  name(upper, below.before);
  name(lower, PrefixDigest(above.before).add(above.edge, above.tokens()));
  children_.insert(hash_of(below), lower);
  return upper;
}

void RadixTree::add_leaf(NodeId parent, const PrefixKey& key, std::span<const BlockId> pages,
                         const Use& use) {
  withdraw(parent);
  ++nodes_[parent].children;
  const NodeId id = make_node(parent, key.salt, use.priority);
  Node& leaf = nodes_[id];
  leaf.depth = nodes_[parent].end();
  leaf.edge.append_slice(key.content, leaf.depth, key.tokens - leaf.depth);
  const std::span<const BlockId> mine = pages.first(static_cast<std::size_t>(key.tokens / page_))
                                            .subspan(static_cast<std::size_t>(leaf.depth / page_));
  leaf.pages.assign(mine.begin(), mine.end());
  leaf.hits = use.chunked ? 0 : 1;
  leaf.writer = use.writer;
  leaf.turn = use.turn;
  name(id,
       parent == kRoot
           ? PrefixDigest(key.salt)
           : PrefixDigest(nodes_[parent].before).add(nodes_[parent].edge, nodes_[parent].tokens()));
  children_.insert(hash_of(leaf), id);
  evictable_ += leaf.tokens();
  offer(id);
}

void RadixTree::name(NodeId id, const PrefixDigest& before) {
  Node& node = nodes_[id];
  node.before = before;
  node.content = PrefixDigest(before).add(node.edge, page_).value();
}

void RadixTree::remove(NodeId leaf) {
  Node& node = nodes_[leaf];
  withdraw(leaf);
  KVSIM_CHECK(children_.erase(hash_of(node), leaf), "a node is indexed by its edge");
  evictable_ -= node.tokens();
  --nodes_[node.parent].children;
  offer(node.parent);
  node.parent = {};
  nodes_.give_back(leaf);
}

void RadixTree::reset() {
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
    const NodeId id{i};
    if (!nodes_[id].parent.valid()) continue;
    withdraw(id);
    nodes_[id].parent = {};
    nodes_.give_back(id);
  }
  children_.clear();
  evictable_ = locked_ = Tokens(0);
  Node& root = nodes_[kRoot];
  root.children = 0;
  root.last_used = ++clock_;  // SGLang makes a new root
  root.created = ++clock_;
}

// ---- Locks --------------------------------------------------------------------------------------

Tokens RadixTree::lock(NodeId node) {
  Tokens moved;
  for (; node != kRoot; node = nodes_[node].parent) {
    if (nodes_[node].locks == 0) {
      withdraw(node);
      moved += nodes_[node].tokens();
    }
    ++nodes_[node].locks;
  }
  evictable_ -= moved;
  locked_ += moved;
  return moved;
}

Tokens RadixTree::unlock(NodeId node) {
  Tokens moved;
  for (; node != kRoot; node = nodes_[node].parent) {
    KVSIM_CHECK(nodes_[node].locks > 0, "only what is locked is unlocked");
    if (--nodes_[node].locks > 0) continue;
    moved += nodes_[node].tokens();
    offer(node);
  }
  evictable_ += moved;
  locked_ -= moved;
  return moved;
}

Tokens RadixTree::unlocked_tokens(NodeId node) const {
  Tokens sum;
  // A locked node's ancestors are locked too.
  for (; nodes_[node].locks == 0; node = nodes_[node].parent) sum += nodes_[node].tokens();
  return sum;
}

// ---- Children -----------------------------------------------------------------------------------

RadixTree::NodeId RadixTree::child_of(NodeId parent, std::uint64_t salt,
                                      const KeyCursor& at) const {
  return children_.find(child_hash(parent, salt, at), [&](NodeId id) {
    const Node& node = nodes_[id];
    return node.parent == parent && node.salt == salt && at.common(node.edge, page_) == page_;
  });
}

std::uint64_t RadixTree::child_hash(NodeId parent, std::uint64_t salt, const KeyCursor& at) const {
  return mix64(at.digest(page_) + mix64(salt + mix64(parent.index)));
}

std::uint64_t RadixTree::hash_of(const Node& node) const {
  return child_hash(node.parent, node.salt, KeyCursor(node.edge));
}

// ---- The policy's share -------------------------------------------------------------------------

void RadixTree::withdraw(NodeId id) {
  if (!std::exchange(nodes_[id].offered, false)) return;
  policy_->erase(entry(id));
}

void RadixTree::offer(NodeId id) {
  Node& node = nodes_[id];
  if (node.offered || node.children > 0 || node.locks > 0) return;
  node.offered = true;
  policy_->insert(entry(id));
}

CacheEntry RadixTree::entry(NodeId id) const {
  const Node& node = nodes_[id];
  return {.id = id,
          .depth = static_cast<std::uint32_t>(node.depth.value()),
          .tokens = static_cast<std::uint32_t>(node.tokens().value()),
          .hits = node.hits,
          .priority = node.priority,
          .created = node.created,
          .last_used = node.last_used,
          .writer = node.writer,
          .content = node.content,
          .turn = node.turn};
}

// ---- Books --------------------------------------------------------------------------------------

void RadixTree::check_books() const {
  std::vector<std::uint32_t> children(nodes_.size());
  std::vector<std::uint32_t> locks(nodes_.size());
  Tokens evictable;
  Tokens locked;
  std::size_t inner = 0;
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
    const NodeId id{i};
    const Node& node = nodes_[id];
    if (!node.parent.valid()) continue;
    ++inner;
    ++children[node.parent.index];
    locks[node.parent.index] += node.locks;
    (node.locks > 0 ? locked : evictable) += node.tokens();
    KVSIM_CHECK(node.pages.size() == static_cast<std::size_t>(node.tokens() / page_) &&
                    node.tokens() % page_ == Tokens(0) && !node.pages.empty(),
                "an edge is one or more whole pages");
    KVSIM_CHECK(node.depth == nodes_[node.parent].end(), "an edge starts where its parent ends");
    KVSIM_CHECK(child_of(node.parent, node.salt, KeyCursor(node.edge)) == id,
                "siblings differ in their first page");
  }
  KVSIM_CHECK(inner + 1 == nodes_.live() && inner == children_.size(), "every node is indexed");
  KVSIM_CHECK(evictable == evictable_ && locked == locked_, "every token is locked or evictable");
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[NodeId{i}];
    const bool live = i == kRoot.index || node.parent.valid();
    if (!live) continue;
    KVSIM_CHECK(node.children == children[i], "children are counted");
    KVSIM_CHECK(i == kRoot.index || node.locks >= locks[i], "locks reach up to the root");
    KVSIM_CHECK(node.offered == (node.children == 0 && node.locks == 0),
                "the policy has the unlocked leaves and nothing else");
  }
}

}  // namespace kvsim
