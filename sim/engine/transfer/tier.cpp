#include "sim/engine/transfer/tier.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {

Tier::Tier(Setup setup)
    : room_(setup.chunks), chunk_(setup.chunk), policy_(std::move(setup.policy)) {
  KVSIM_CHECK(room_ >= 1, "a tier has room for a chunk");
}

EntryId Tier::find(Key128 key) const {
  const EntryId id = by_key_.find(key);
  return id.valid() && nodes_[id].stored ? id : EntryId{};
}

void Tier::use(EntryId id, std::int32_t priority) {
  Node& node = nodes_[id];
  KVSIM_CHECK(node.stored, "only what is stored is used");
  if (evictable(id)) withdraw(id);
  ++node.hits;
  node.chunk.priority = std::max(node.chunk.priority, priority);
  node.last_used = ++tick_;
  if (evictable(id)) offer(id);
}

Tier::Outcome Tier::store(const TierChunk& chunk, Time ready) {
  const EntryId id = node_of(chunk.key);
  KVSIM_CHECK(!nodes_[id].stored, "a chunk is stored once");
  const EntryId parent = chunk.depth == 0 ? EntryId{} : node_of(chunk.parent);
  if (parent.valid()) add_child(parent);  // before making room: it must not go for its successor
  Outcome outcome{.stored = true, .evicted = {}};
  if (stored_ == room_) {
    if (offered_ == 0) {
      if (parent.valid()) drop_child(parent);
      forget_if_unused(id);
      return {};
    }
    ++nodes_[id].children;  // or it would be forgotten with the last chunk it leads to
    outcome.evicted = evict(policy_->victim());
    --nodes_[id].children;
  }
  Node& node = nodes_[id];
  node.chunk = chunk;
  node.parent = parent;
  node.hits = 0;
  node.created = node.last_used = ++tick_;
  node.ready = ready;
  node.stored = true;
  ++stored_;
  counters_.stored += chunk_;
  if (evictable(id)) offer(id);
  return outcome;
}

TierChunk Tier::evict(EntryId id) {
  remove(id);
  counters_.evicted += chunk_;
  return nodes_[id].chunk;
}

void Tier::lose(const std::function<bool(const TierChunk&, Time)>& gone) {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const EntryId id{i};
    const Node& node = nodes_[id];
    if (!node.stored || !live(id) || !gone(node.chunk, node.ready)) continue;
    remove(id);
    counters_.lost += chunk_;
  }
}

void Tier::remove(EntryId id) {
  if (evictable(id)) withdraw(id);
  Node& node = nodes_[id];
  node.stored = false;
  --stored_;
  if (node.parent.valid()) drop_child(node.parent);
  forget_if_unused(id);
}

CacheEntry Tier::entry(EntryId id) const {
  const Node& n = nodes_[id];
  return {id,          n.chunk.depth,    static_cast<std::uint32_t>(chunk_.value()),
          n.hits,      n.chunk.priority, n.created,
          n.last_used, n.chunk.writer,   n.chunk.key.lo,
          n.chunk.turn};
}

EntryId Tier::node_of(Key128 key) {
  if (const EntryId known = by_key_.find(key); known.valid()) return known;
  const EntryId id = nodes_.take();
  nodes_[id] = Node{};
  nodes_[id].chunk.key = key;
  by_key_.insert(key, id);
  return id;
}

void Tier::add_child(EntryId id) {
  if (evictable(id)) withdraw(id);
  ++nodes_[id].children;
}

void Tier::drop_child(EntryId id) {
  --nodes_[id].children;
  if (evictable(id)) offer(id);
  forget_if_unused(id);
}

void Tier::forget_if_unused(EntryId id) {
  const Node& node = nodes_[id];
  if (node.stored || node.children > 0) return;
  by_key_.erase(node.chunk.key);
  nodes_.give_back(id);
}

void Tier::offer(EntryId id) {
  policy_->insert(entry(id));
  ++offered_;
}

void Tier::withdraw(EntryId id) {
  policy_->erase(entry(id));
  --offered_;
}

void Tier::check_books() const {
  std::int64_t stored = 0;
  std::int64_t offered = 0;
  std::size_t known = 0;
  std::vector<std::uint32_t> children(nodes_.size());
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[EntryId{i}];
    if (!live(EntryId{i})) continue;  // given back
    ++known;
    stored += node.stored;
    offered += evictable(EntryId{i});
    KVSIM_CHECK(node.stored || node.children > 0,
                "who is neither here nor leads here is forgotten");
    if (node.stored && node.parent.valid()) ++children[node.parent.index];
  }
  KVSIM_CHECK(known == nodes_.live(), "every chunk is found by its key");
  KVSIM_CHECK(stored == stored_ && stored_ <= room_, "a tier holds no more than it has room for");
  KVSIM_CHECK(offered == offered_, "leaves are what may be given up");
  KVSIM_CHECK(counters_.stored - counters_.evicted - counters_.lost == chunk_ * stored_,
              "stored = here + evicted + lost");
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[EntryId{i}];
    if (!live(EntryId{i})) continue;
    KVSIM_CHECK(node.children == children[i], "a chunk knows how many it leads to");
  }
}

}  // namespace kvsim
