#pragma once
// CacheGroup: the rules of one group of layers over the shared pool. Which tokens' blocks does a
// sequence keep, what counts as a cached prefix, how many blocks does it need?
//
// One class per kind of attention, as in vLLM's single_type_kv_cache_manager.py (July 2026). A
// group owns nothing: blocks are the pool's, tables the sequences'. Positions of a table that hold
// nothing (left of a window) are the null block, so block i always starts at token i * block().

#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "policies/allocator/block_pool.h"
#include "sim/model/block_keys.h"
#include "sim/model/kv_group.h"

namespace kvsim {

/// The blocks of one sequence in one group.
struct BlockTable {
  std::vector<BlockId> blocks;
  std::int64_t cached = 0;  ///< Leading blocks that have been through the prefix cache.
  bool open = false;        ///< Between admission and release.
  std::int64_t state = -1;  ///< Mamba: the block that held the running state a step ago.
  bool started = false;     ///< Mamba: has had blocks of its own.
  bool forked = false;      ///< May share blocks that are still being written.
};

/// What one allocation asks of a group.
struct GroupDemand {
  Tokens room;      ///< Tokens that need a slot, lookahead included.
  Tokens main;      ///< The same without lookahead.
  Tokens computed;  ///< Of them computed already, hits included.
  std::span<const BlockId> hits;
  Tokens most{std::numeric_limits<std::int64_t>::max() / 2};  ///< More is never held at once.
};

class CacheGroup {
 public:
  struct Setup {
    KvGroup spec;
    std::uint8_t number = 0;
    std::size_t fine = 1;  ///< Hash blocks per block.
    Tokens alignment;      ///< Hits are multiples of it: the least common multiple of all groups.
    Tokens in_flight;      ///< Most tokens of one sequence that a step computes.
    BlockPool& pool;
  };
  explicit CacheGroup(const Setup& setup) : setup_(setup) {}
  virtual ~CacheGroup() = default;

  [[nodiscard]] const KvGroup& spec() const { return setup_.spec; }
  [[nodiscard]] Tokens block() const { return setup_.spec.block; }
  [[nodiscard]] Key128 key(const BlockKeys& keys, std::int64_t i) const {
    const std::size_t fine = setup_.fine;
    return group_key(keys[(static_cast<std::size_t>(i) + 1) * fine - 1], setup_.number, fine);
  }

  /// The longest cached prefix of at most `limit` tokens: its blocks, null where none is needed.
  /// `drop_last`: without the last block found, whose hidden states a draft head needs (EAGLE).
  /// Requires the keys up to `limit`.
  virtual void find(const BlockKeys& keys, Tokens limit, bool drop_last,
                    std::vector<BlockId>& blocks) const = 0;
  /// Leading tokens that nobody reads any more once `computed` are computed.
  [[nodiscard]] virtual Tokens skipped(Tokens /*computed*/) const { return Tokens(0); }
  /// Most tokens that one sequence ever holds, of `longest`.
  [[nodiscard]] virtual Tokens most_held(Tokens longest) const { return longest; }
  /// Blocks that must be free for `demand`; hits that nobody uses count, since they stop being
  /// free.
  [[nodiscard]] virtual std::int64_t needed(const BlockTable& table,
                                            const GroupDemand& demand) const;
  /// Frees the blocks that nobody reads any more.
  virtual void drop_skipped(BlockTable& table, Tokens computed);
  /// Puts the hits into the table of a sequence that holds nothing.
  void take_hits(BlockTable& table, const GroupDemand& demand, std::int32_t importance);
  /// Adds the blocks still missing; appends them to `taken` as well.
  virtual void take_new(BlockTable& table, const GroupDemand& demand, std::vector<BlockId>& taken);
  /// Files the full blocks of the first `filled` tokens under their keys.
  virtual void cache(BlockTable& table, const BlockKeys& keys, Tokens filled, Tokens prompt,
                     const BlockPool::Writer& writer);
  /// Does the block before it have to be cached for a block to be found?
  [[nodiscard]] bool chained() const { return spec().kind == KvGroup::Kind::kFull; }
  virtual void step_starts() {}

 protected:
  /// Keys whose place in the index is fetched ahead of the one at hand.
  static constexpr std::int64_t kAhead = 8;

  [[nodiscard]] BlockPool& pool() const { return setup_.pool; }
  [[nodiscard]] Tokens alignment() const { return setup_.alignment; }
  [[nodiscard]] Tokens in_flight() const { return setup_.in_flight; }
  [[nodiscard]] bool aligned(std::int64_t blocks) const {
    return block() * blocks % alignment() == Tokens(0);
  }
  void align(std::vector<BlockId>& blocks) const;
  [[nodiscard]] std::int64_t revived(std::span<const BlockId> hits) const;
  void free_range(BlockTable& table, std::int64_t first, std::int64_t end);
  [[nodiscard]] BlockPool::Origin origin(const BlockTable& table, std::int64_t i,
                                         const BlockPool::Writer& writer) const;
  [[nodiscard]] bool coarse() const { return setup_.fine > 1; }
  [[nodiscard]] std::size_t fine() const { return setup_.fine; }
  [[nodiscard]] std::uint8_t number() const { return setup_.number; }

 private:
  [[nodiscard]] virtual bool worth_caching(std::int64_t /*i*/) const { return true; }

  Setup setup_;
  std::vector<BlockId> freed_;
};

[[nodiscard]] std::unique_ptr<CacheGroup> make_full_group(const CacheGroup::Setup& setup);
[[nodiscard]] std::unique_ptr<CacheGroup> make_window_group(const CacheGroup::Setup& setup);
[[nodiscard]] std::unique_ptr<CacheGroup> make_chunked_group(const CacheGroup::Setup& setup);
[[nodiscard]] std::unique_ptr<CacheGroup> make_mamba_group(const CacheGroup::Setup& setup);
/// The one that setup.spec.kind names.
[[nodiscard]] std::unique_ptr<CacheGroup> make_group(const CacheGroup::Setup& setup);

}  // namespace kvsim
