#pragma once
// BlockPool: fixed-size blocks with reference counts and a prefix index. What vLLM's BlockPool is
// (vllm/v1/core/block_pool.py, July 2026), with its free queue split into two owners:
//   - blank blocks (no hash, no user) form a list of the pool's own, taken from the front;
//   - cached blocks (hashed, no user) belong to the eviction policy, which names the next victim.
// Allocation takes blanks first. With `lru` that is exactly vLLM's one queue, because unhashed
// blocks are freed to its front and hashed ones to its tail. A block whose hash is withdrawn while
// nobody uses it keeps its place: it stays with the policy, as a husk. In the queue of March 2026
// unhashed blocks were freed to the tail as well: there every freed block goes to the policy.
//
// Block 0 is the null block: it stands for skipped positions and is never handed out or counted.
// Costs: O(1) for everything but the policy's own order. Invariants: check_books().

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/flat_map.h"
#include "sim/core/id_index.h"
#include "sim/core/index_list.h"
#include "sim/core/units.h"
#include "sim/core/zero_pages.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

/// Stands for positions of a table that need no block; never handed out.
inline constexpr BlockId kNullBlock{0};

class BlockPool {
 public:
  struct Setup {
    std::int64_t blocks = 0;  ///< Ids 0 .. blocks-1, the null block among them. At least 2.
    Tokens block;
    bool caching = true;  ///< Off: no block ever gets a key, and freed ones queue up in order.
    std::unique_ptr<EvictionPolicy> policy;
    bool unhashed_to_tail = false;  ///< vLLM's queue of March 2026.
  };
  /// Who computes what is cached.
  struct Writer {
    std::int32_t importance = 0;
    std::uint32_t request = 0;  ///< Request::id.
    std::uint8_t turn = 0;      ///< Of its conversation; 255: that or later.
  };
  /// What a block holds once it is cached.
  struct Origin {
    BlockId parent;           ///< The block without which it cannot be found; invalid if none.
    std::uint32_t depth = 0;  ///< Tokens of its prompt before it.
    std::uint8_t group = 0;   ///< The KvGroup whose layers it serves.
    Writer writer{};
  };
  /// Told of a cached block just before it is evicted or its key withdrawn.
  using OnEvict = std::function<void(BlockId)>;

  explicit BlockPool(Setup setup);
  void on_evict(OnEvict told) { told_ = std::move(told); }

  [[nodiscard]] std::int64_t usable() const {
    return static_cast<std::int64_t>(blocks_.size()) - 1;
  }
  /// Blocks without a user, cached ones included: what can still be handed out.
  [[nodiscard]] std::int64_t free() const { return usable() - used_; }
  [[nodiscard]] std::int64_t used() const { return used_; }
  [[nodiscard]] std::int64_t cached() const { return cached_; }
  [[nodiscard]] std::int64_t evictions() const { return evictions_; }
  /// Evictions that only followed an evicted ancestor. Zero under `lru` with reverse release.
  [[nodiscard]] std::int64_t orphans() const { return orphans_; }
  [[nodiscard]] std::int64_t allocations() const { return allocations_; }
  [[nodiscard]] std::uint32_t users(BlockId id) const { return blocks_[id.index].users; }
  [[nodiscard]] bool hashed(BlockId id) const { return blocks_[id.index].hashed; }
  /// Of a hashed block.
  [[nodiscard]] Key128 key(BlockId id) const { return blocks_[id.index].key; }
  [[nodiscard]] std::uint8_t group(BlockId id) const { return blocks_[id.index].group; }
  [[nodiscard]] std::uint32_t depth(BlockId id) const { return blocks_[id.index].depth; }
  /// The block that leads to a hashed one, if any.
  [[nodiscard]] BlockId parent(BlockId id) const {
    const BlockId parent = blocks_[id.index].parent;
    return parent == kNullBlock ? BlockId{} : parent;
  }
  /// A hashed block as the policy knows it.
  [[nodiscard]] CacheEntry entry(BlockId id) const;
  /// Uses so far: the clock of its entries.
  [[nodiscard]] std::uint64_t ticks() const { return tick_; }
  /// The free blocks in the order in which `lru` would hand them out. O(n log n), for records.
  [[nodiscard]] std::vector<BlockId> queue() const;

  /// The oldest block cached under `key`, or an invalid id. Reads only.
  [[nodiscard]] BlockId find(Key128 key) const {
    return by_key_.find(key.lo, [&](BlockId id) { return blocks_[id.index].key == key; });
  }
  /// `key` will be cached or found soon: a hint that hides a memory access.
  void expect(Key128 key) const { by_key_.prefetch(key.lo); }
  /// A block with one user: the first blank, else what the policy gives up. Requires free() > 0.
  [[nodiscard]] BlockId take();
  /// One more user: of what find() found, or of any block whose contents are wanted.
  void touch(BlockId id, std::int32_t importance);
  /// `id`, which has a user, now holds the tokens that `key` names. A key that it has had since it
  /// was filled in part is given up first.
  void cache(BlockId id, Key128 key, const Origin& origin);
  /// One user less for each of `ids`, in this order. Whoever reaches zero is free: cached if it has
  /// a key, else blank and next to be reused.
  void release(std::span<const BlockId> ids);
  /// Forgets what `id` holds, if that is cached: nobody finds it any more. Users keep it, and a
  /// free block keeps its place in the queue. What hangs below it stays cached, if unreachable.
  void withdraw(BlockId id);
  /// Forgets the contents of all blocks. False, and nothing happens, while any block has a user.
  [[nodiscard]] bool reset();

  /// Recounts users against `holders` (users per block, counted by the caller from its tables).
  void check_books(std::span<const std::uint32_t> holders) const;

 private:
  // One cache line. Of the links of a block, here and below, the null block stands for nobody.
  struct alignas(64) Block {
    Key128 key;
    std::uint64_t created = 0;
    std::uint64_t last_used = 0;
    std::uint32_t users = 0;
    std::uint32_t depth = 0;
    std::uint32_t hits = 0;
    std::int32_t priority = 0;
    BlockId parent{kNullBlock};
    BlockId newer_twin{kNullBlock};  // the next cached under the same key, in order of caching
    std::uint32_t writer = 0;
    std::uint8_t group = 0;
    bool hashed = false;
    bool queued = false;  // in the policy's hands: cached, or a husk
    std::uint8_t turn = 0;
  };
  static_assert(sizeof(Block) == 64);
  // Blocks that hang below a cached block: an intrusive list through `siblings_`.
  struct Siblings {
    BlockId first_child{kNullBlock}, next{kNullBlock}, previous{kNullBlock};
  };

  void give_to_policy(BlockId id);
  void take_from_policy(BlockId id);
  void evict(BlockId id);
  void expect_victims_after(BlockId id);
  void forget(BlockId id);
  void withdraw_key(BlockId id);
  void join_twins(BlockId oldest, BlockId id);
  void leave_twins(BlockId id);
  void orphan_children(BlockId id);
  void disown_children(BlockId id);
  void adopt_children(BlockId from, BlockId to);
  void link_child(BlockId parent, BlockId child);
  void unlink_child(BlockId child);

  std::vector<Block, ZeroPages<Block>> blocks_;
  std::vector<Siblings, ZeroPages<Siblings>> siblings_;
  IndexList<BlockId> blanks_;
  IdIndex<BlockId> by_key_;  // of blocks cached under one key the oldest
  std::unique_ptr<EvictionPolicy> policy_;
  std::vector<BlockId> unhashed_;  // of those being released
  OnEvict told_;
  Tokens block_;
  bool caching_;
  bool unhashed_to_tail_;
  // Whom the policy will name next, as it last said: a ring.
  static constexpr std::size_t kExpected = 16;
  std::array<std::uint32_t, kExpected> expected_blocks_{};
  std::size_t expected_ = 0;
  std::size_t round_ = 0;
  EntryId last_expected_{};
  std::uint64_t tick_ = 0;
  std::int64_t used_ = 0;
  std::int64_t cached_ = 0;
  std::int64_t evictions_ = 0;
  std::int64_t orphans_ = 0;
  std::int64_t allocations_ = 0;
};

// Here for the sake of its caller's loop, which is where a run without hits spends its time.
inline void BlockPool::cache(BlockId id, Key128 key, const Origin& origin) {
  Block& b = blocks_[id.index];
  KVSIM_CHECK(b.users > 0, "a block is cached while it is being filled");
  if (b.hashed) forget(id);
  b.key = key;
  b.hashed = true;
  b.depth = origin.depth;
  b.group = origin.group;
  b.hits = 0;
  b.priority = origin.writer.importance;
  b.writer = origin.writer.request;
  b.turn = origin.writer.turn;
  b.created = ++tick_;
  b.newer_twin = kNullBlock;
  const BlockId oldest = by_key_.find_or_insert(
      key.lo, id, [&](BlockId other) { return blocks_[other.index].key == key; });
  if (oldest.valid()) join_twins(oldest, id);
  // A parent may have lost its key while in use (withdraw): then nothing leads here.
  if (origin.parent.valid() && blocks_[origin.parent.index].hashed) link_child(origin.parent, id);
}

inline void BlockPool::link_child(BlockId parent, BlockId child) {
  blocks_[child.index].parent = parent;
  Siblings& links = siblings_[child.index];
  links.next = siblings_[parent.index].first_child;
  links.previous = kNullBlock;
  if (links.next != kNullBlock) siblings_[links.next.index].previous = child;
  siblings_[parent.index].first_child = child;
}

}  // namespace kvsim
