#include "policies/allocator/block_pool.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {
namespace {

EntryId entry_id(BlockId id) { return EntryId{id.index}; }

}  // namespace

BlockPool::BlockPool(Setup setup)
    : blocks_(static_cast<std::size_t>(setup.blocks)),
      siblings_(blocks_.size()),
      blanks_(blocks_.size()),
      policy_(std::move(setup.policy)),
      block_(setup.block),
      caching_(setup.caching),
      unhashed_to_tail_(setup.unhashed_to_tail) {
  KVSIM_CHECK(setup.blocks >= 2, "a pool has the null block and at least one more");
  for (std::uint32_t i = 1; i < blocks_.size(); ++i) blanks_.push_back(BlockId{i});
}

CacheEntry BlockPool::entry(BlockId id) const {
  const Block& b = blocks_[id.index];
  return {entry_id(id), b.depth,    static_cast<std::uint32_t>(block_.value()),
          b.hits,       b.priority, b.created,
          b.last_used,  b.writer,   b.key.lo,
          b.turn};
}

BlockId BlockPool::take() {
  KVSIM_CHECK(free() > 0, "callers check free() first");
  BlockId id;
  if (blanks_.empty()) {
    id = BlockId{policy_->victim().index};
    expect_victims_after(id);
    evict(id);
  } else {
    id = blanks_.front();
    blanks_.erase(id);
  }
  blocks_[id.index].users = 1;
  ++used_;
  ++allocations_;
  return id;
}

// Fetches ahead what the next evictions will read, as far as the policy tells whom they will hit:
// first the block, and when that is there its place in the index.
void BlockPool::expect_victims_after(BlockId id) {
  if (expected_ == 0 || !last_expected_.valid()) {
    last_expected_ = entry_id(id);
    expected_ = 1;
  }
  --expected_;
  for (; expected_ < kExpected; ++expected_, ++round_) {
    last_expected_ = policy_->after(last_expected_);
    if (!last_expected_.valid()) return;
    const std::uint32_t later = last_expected_.index;
    __builtin_prefetch(&blocks_[later]);
    __builtin_prefetch(&siblings_[later]);
    expected_blocks_[round_ % kExpected] = later;
    expect(blocks_[expected_blocks_[(round_ + kExpected / 2) % kExpected]].key);
  }
}

void BlockPool::touch(BlockId id, std::int32_t importance) {
  if (id == kNullBlock) return;
  Block& b = blocks_[id.index];
  if (b.users++ == 0) {
    b.queued ? take_from_policy(id) : blanks_.erase(id);
    ++used_;
  }
  ++b.hits;
  b.priority = std::max(b.priority, importance);
}

// Duplicates are kept; look-ups see the oldest (semantics 2.5).
void BlockPool::join_twins(BlockId oldest, BlockId id) {
  BlockId last = oldest;
  while (blocks_[last.index].newer_twin != kNullBlock) last = blocks_[last.index].newer_twin;
  blocks_[last.index].newer_twin = id;
}

void BlockPool::release(std::span<const BlockId> ids) {
  unhashed_.clear();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const BlockId id = ids[i];
    if (i + kExpected < ids.size()) __builtin_prefetch(&blocks_[ids[i + kExpected].index]);
    if (id == kNullBlock) continue;
    Block& b = blocks_[id.index];
    KVSIM_CHECK(b.users > 0, "a released block was in use");
    if (--b.users > 0) continue;
    --used_;
    b.hashed || unhashed_to_tail_ ? give_to_policy(id) : unhashed_.push_back(id);
  }
  // Unhashed blocks go to the front keeping the given order, so they are pushed last to first.
  if (caching_)
    std::for_each(unhashed_.rbegin(), unhashed_.rend(),
                  [&](BlockId id) { blanks_.push_front(id); });
  else
    std::for_each(unhashed_.begin(), unhashed_.end(), [&](BlockId id) { blanks_.push_back(id); });
}

void BlockPool::give_to_policy(BlockId id) {
  Block& b = blocks_[id.index];
  // Read before written: a load must not wait for the store to its own cache line.
  CacheEntry now = entry(id);
  now.last_used = ++tick_;
  b.last_used = now.last_used;
  b.queued = true;
  policy_->insert(now);
  cached_ += b.hashed;
}

void BlockPool::take_from_policy(BlockId id) {
  Block& b = blocks_[id.index];
  policy_->erase(entry(id));
  b.queued = false;
  cached_ -= b.hashed;
}

// The caller has the block now; what could only be reached through it becomes blank.
void BlockPool::evict(BlockId id) {
  KVSIM_CHECK(blocks_[id.index].users == 0 && blocks_[id.index].queued,
              "only free blocks in the policy's hands are evicted");
  take_from_policy(id);
  if (blocks_[id.index].hashed) {
    ++evictions_;
    if (told_) told_(id);
    withdraw_key(id);
  }
}

void BlockPool::withdraw(BlockId id) {
  Block& b = blocks_[id.index];
  if (!b.hashed) return;
  if (told_) told_(id);
  forget(id);
}

// The policy is not asked: to it, a husk is the entry it was.
void BlockPool::forget(BlockId id) {
  Block& b = blocks_[id.index];
  disown_children(id);
  cached_ -= b.queued;
  withdraw_key(id);
}

bool BlockPool::reset() {
  if (used_ > 0) return false;
  for (std::uint32_t i = 1; i < blocks_.size(); ++i)
    if (blocks_[i].hashed) forget(BlockId{i});
  return true;
}

std::vector<BlockId> BlockPool::queue() const {
  std::vector<BlockId> order;
  for (BlockId id = blanks_.front_or_none(); id.valid(); id = blanks_.next(id)) order.push_back(id);
  const auto blanks = static_cast<std::ptrdiff_t>(order.size());
  for (std::uint32_t i = 1; i < blocks_.size(); ++i)
    if (blocks_[i].queued) order.push_back(BlockId{i});
  std::sort(order.begin() + blanks, order.end(), [this](BlockId a, BlockId b) {
    return blocks_[a.index].last_used < blocks_[b.index].last_used;
  });
  return order;
}

void BlockPool::withdraw_key(BlockId id) {
  Block& b = blocks_[id.index];
  const bool last = b.newer_twin == kNullBlock;
  const bool oldest =
      last ? by_key_.erase(b.key.lo, id) : by_key_.replace(b.key.lo, id, b.newer_twin);
  if (!oldest)
    leave_twins(id);
  else if (last)
    orphan_children(id);
  else
    adopt_children(id, b.newer_twin);
  unlink_child(id);
  b.hashed = false;
  b.newer_twin = kNullBlock;
}

// Look-ups see an older block of the same contents, so what hangs below hangs there from now on.
void BlockPool::leave_twins(BlockId id) {
  const BlockId oldest = find(blocks_[id.index].key);
  BlockId before = oldest;
  while (blocks_[before.index].newer_twin != id) before = blocks_[before.index].newer_twin;
  blocks_[before.index].newer_twin = blocks_[id.index].newer_twin;
  adopt_children(id, oldest);
}

// Nobody can reach the children any more (a look-up walks keys from the front), so they are dead
// weight: they are evicted too, but for those somebody holds without their parent. Under LRU with
// reverse release there are none left by now.
void BlockPool::orphan_children(BlockId id) {
  while (siblings_[id.index].first_child != kNullBlock) {
    const BlockId child = siblings_[id.index].first_child;
    if (blocks_[child.index].users > 0) {
      unlink_child(child);
      continue;
    }
    ++orphans_;
    evict(child);
    blanks_.push_front(child);
  }
}

void BlockPool::disown_children(BlockId id) {
  while (siblings_[id.index].first_child != kNullBlock)
    unlink_child(siblings_[id.index].first_child);
}

void BlockPool::adopt_children(BlockId from, BlockId to) {
  while (siblings_[from.index].first_child != kNullBlock) {
    const BlockId child = siblings_[from.index].first_child;
    unlink_child(child);
    link_child(to, child);
  }
}

void BlockPool::unlink_child(BlockId child) {
  const BlockId parent = blocks_[child.index].parent;
  if (parent == kNullBlock) return;
  Siblings& links = siblings_[child.index];
  if (links.next != kNullBlock) siblings_[links.next.index].previous = links.previous;
  if (links.previous != kNullBlock)
    siblings_[links.previous.index].next = links.next;
  else
    siblings_[parent.index].first_child = links.next;
  links.next = links.previous = kNullBlock;
  blocks_[child.index].parent = kNullBlock;
}

void BlockPool::check_books(std::span<const std::uint32_t> holders) const {
  std::int64_t used = 0;
  std::int64_t cached = 0;
  std::int64_t husks = 0;
  std::int64_t blank = 0;
  for (std::uint32_t i = 1; i < blocks_.size(); ++i) {
    const Block& b = blocks_[i];
    KVSIM_CHECK(b.users == holders[i], "a block's count is the number of tables that hold it");
    const bool is_blank = blanks_.contains(BlockId{i});
    KVSIM_CHECK((b.users > 0) + is_blank + b.queued == 1,
                "a block is used, blank, or in the policy's hands");
    KVSIM_CHECK(!is_blank || !b.hashed, "a blank has no key");
    used += b.users > 0;
    cached += b.queued && b.hashed;
    husks += b.queued && !b.hashed;
    blank += is_blank;
    if (!b.hashed) continue;
    BlockId twin = find(b.key);
    KVSIM_CHECK(twin.valid(), "the index knows every key");
    while (twin != kNullBlock && twin.index != i) twin = blocks_[twin.index].newer_twin;
    KVSIM_CHECK(twin != kNullBlock, "the index leads to every hashed block");
    if (b.parent == kNullBlock) continue;
    KVSIM_CHECK(blocks_[b.parent.index].hashed, "a cached block's parent is cached");
  }
  KVSIM_CHECK(used == used_ && cached == cached_, "the running counts are right");
  KVSIM_CHECK(used + cached + husks + blank == usable(), "no block is lost");
}

}  // namespace kvsim
