#pragma once
// PagedCache: block tables over one pool, for models of one or several KV groups. What vLLM's
// KVCacheManager with its coordinator is (vllm/v1/core/kv_cache_manager.py allocate_slots,
// kv_cache_coordinator.py find_longest_cache_hit; July 2026).
//
//     lookup -> allocate (hits, then a chunk) -> allocate ... -> release
//
// Hits are whole blocks, at most tokens - 1, and agreed between the groups; touching a hit consumes
// free capacity and is counted before anything is taken; blocks enter the cache in the call that
// schedules them; tables only grow. A fork shares every block of its parent; the first to write
// into a shared block copies it, the last owner writes in place (vLLM V0, semantics 7.3). Who
// shares blocks can be swapped to the host's memory and back together (paged_swap.cpp).
// Cost: O(1) per block taken, hit or released, plus the eviction policy's own.

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "policies/allocator/cache_group.h"
#include "sim/model/allocator.h"

namespace kvsim {

class PagedCache {
 public:
  struct Setup {
    std::int64_t blocks = 0;  ///< The null block among them.
    Tokens block;             ///< What a block counts as in MemoryUse.
    std::vector<KvGroup> groups;
    Tokens hash_block;       ///< Divides every group's block; 0: their greatest common divisor.
    Tokens scheduler_block;  ///< Hits are multiples of it; 0: the groups' least common multiple.
    Tokens max_model_len;
    Tokens in_flight;              ///< Most tokens of a sequence in one step.
    std::int64_t watermark = 0;    ///< Blocks kept free when admitting beside others.
    std::int64_t host_blocks = 0;  ///< For who is swapped out.
    bool caching = true;
    bool drop_last_hit = false;  ///< A draft head needs the last block's hidden states (EAGLE).
    bool reverse_release = true;
    bool unhashed_to_tail = false;  ///< vLLM's queue of March 2026.
    std::unique_ptr<EvictionPolicy> policy;
  };
  struct Hit {
    Tokens tokens;
    /// Tokens beyond them that some groups, but not all, have cached (vLLM: a prefix worth keeping
    /// a state for).
    Tokens shared_further;
  };
  struct Demand {
    Tokens fresh{};      ///< Tokens to compute now, drafts included.
    Tokens lookahead{};  ///< Slots beyond them for a draft model.
    Tokens reserve{};    ///< Room to keep from now on for this many tokens in all (Orca).
    bool cache_later = false;
    bool whole_prompt_must_fit = false;
    bool others_running = true;  ///< The watermark applies only then, and only to admissions.
    std::int64_t spare = 0;      ///< Blocks that must stay free beside.
  };

  explicit PagedCache(Setup setup);

  /// What of `s`, which holds nothing, is cached. Remembered until its next allocate().
  Hit lookup(const Sequence& s);
  /// The blocks that the last lookup() of `s` found, per group.
  [[nodiscard]] std::span<const BlockId> hits(const Sequence& s, std::size_t group) const;
  /// How many of them nobody uses.
  [[nodiscard]] std::int64_t idle_hits(const Sequence& s) const;
  /// Forgets what lookup() found.
  void drop_hits(const Sequence& s);
  /// Slots for s.computed + `hit` + demand.fresh tokens, the first `hit` from the cache. False if
  /// there are none; then nothing changes, but that blocks outside windows are free.
  [[nodiscard]] bool allocate(const Sequence& s, Tokens hit, const Demand& demand);
  /// Tokens by which `s` can grow before a block is taken, filed or freed; 0 where that takes more
  /// than to look at its last block (several groups, windows, forks, promises).
  [[nodiscard]] Tokens slack(const Sequence& s) const;
  /// So many sequences grow by a token each, within their slack.
  void grow_in_slack(std::int64_t sequences) { internal_ -= Tokens(sequences); }
  /// So far `s` has come that way.
  void settle(const Sequence& s, Tokens total) { holding_of(s).held = total; }
  /// Files the full blocks of the first `filled` tokens.
  void cache(const Sequence& s, Tokens filled);
  /// Frees the blocks outside every window.
  void drop_skipped(const Sequence& s, Tokens computed);
  /// `child`, which holds nothing, shares all that `parent` holds.
  void fork(const Sequence& parent, const Sequence& child);
  void release(const Sequence& s);

  using Family = std::span<const Sequence* const>;
  /// Has the host blocks for all that `family` holds?
  [[nodiscard]] bool can_swap_out(Family family) const;
  /// Moves every block of `family` there, once; how many. Its blocks here are free.
  std::int64_t swap_out(Family family);
  /// Are there blocks for `family`, swapped out together, and its next tokens, and `spare` beside?
  [[nodiscard]] bool can_swap_in(Family family, bool others_running, std::int64_t spare) const;
  /// Brings it back; how many blocks. What was shared is shared again; what was cached is filed
  /// anew by the next allocate().
  std::int64_t swap_in(Family family);
  [[nodiscard]] std::int64_t swaps_ever() const { return swaps_ever_; }

  /// What was filed and copied until now is in place.
  void step_starts();

  [[nodiscard]] std::size_t groups() const { return groups_.size(); }
  [[nodiscard]] const CacheGroup& group(std::size_t g) const { return *groups_[g]; }
  [[nodiscard]] std::span<const BlockId> table(const Sequence& s, std::size_t group) const;
  /// Blocks that the last allocate() added to `group`'s table.
  [[nodiscard]] std::span<const BlockId> taken(std::size_t group) const { return taken_[group]; }
  /// Copies to make, in this order, before anything is written; since the last step_starts().
  [[nodiscard]] std::span<const BlockCopy> copies() const { return copies_; }
  [[nodiscard]] std::int64_t copies_ever() const { return copies_ever_; }
  /// Leading blocks of `s` that every sequence with blocks holds; 0 in groups that drop blocks.
  [[nodiscard]] std::int64_t common_prefix(const Sequence& s, std::size_t group) const;
  /// Could `tokens` be served with the pool for themselves? `at_once`: without freeing any.
  [[nodiscard]] bool can_ever_hold(Tokens tokens, bool at_once) const;

  /// The block of groups that keep a state per chunk; 1 if there are none.
  [[nodiscard]] Tokens chunk_alignment() const;

  [[nodiscard]] bool caching() const { return caching_; }
  [[nodiscard]] Tokens hash_block() const { return hash_block_; }
  [[nodiscard]] BlockPool& pool() { return pool_; }
  [[nodiscard]] const BlockPool& pool() const { return pool_; }
  /// O(1).
  [[nodiscard]] MemoryUse memory() const;
  [[nodiscard]] MemoryMap map() const;
  void check_books() const;

 private:
  // Tokens that must have a slot: with lookahead, and without.
  struct Room {
    Tokens all;
    Tokens main;
  };
  // What a sequence holds. Kept by SequenceId; one that only looked up may leave without a word.
  struct Holding {
    std::vector<BlockTable> tables;          // one per group
    std::vector<std::vector<BlockId>> hits;  // found by the last lookup, per group
    BlockKeys keys;
    Tokens held;     // tokens it has room for and has filled (or is filling now)
    Tokens reserve;  // tokens it was promised at admission
    bool live = false;
    std::uint64_t request = 0;
    [[nodiscard]] bool open() const { return tables[0].open; }
  };

  // What a sequence holds in the host's memory. Its tables name each block by the id it had here.
  struct Away {
    std::vector<BlockTable> tables;
    Tokens held;
  };

  Holding& holding_of(const Sequence& s) {
    const bool known = s.id.index < holdings_.size() && holdings_[s.id.index].live &&
                       holdings_[s.id.index].request == s.request.id;
    return known ? holdings_[s.id.index] : new_holding_of(s);
  }
  Holding& new_holding_of(const Sequence& s);
  static void forget_hits(Holding& h);
  [[nodiscard]] const Holding* find_holding(const Sequence& s) const;
  void extend_keys(const Sequence& s, Holding& h, Tokens filled) const;
  [[nodiscard]] Tokens agree(Holding& h, Tokens limit, Tokens& longest) const;
  [[nodiscard]] Tokens find(Holding& h, const std::vector<std::size_t>& alike, Tokens limit,
                            bool drop_last) const;
  void trim_full(Holding& h, Tokens length) const;
  [[nodiscard]] bool is_full(const std::vector<std::size_t>& alike) const {
    return groups_[alike[0]]->spec().kind == KvGroup::Kind::kFull;
  }
  [[nodiscard]] GroupDemand demand_of(const Holding& h, std::size_t g, Tokens computed,
                                      const Room& room) const;
  [[nodiscard]] std::int64_t needed(const Holding& h, Tokens computed, const Room& room,
                                    bool capped) const;
  [[nodiscard]] std::int64_t shared_writes(const Holding& h, Tokens computed) const;
  void copy_shared_tail(BlockTable& table, Tokens block, Tokens computed);
  [[nodiscard]] bool only_grows(const Holding& h, const Demand& demand) const;
  [[nodiscard]] bool grow(const Sequence& s, Holding& h, const Demand& demand);
  [[nodiscard]] bool admit_or_grow(const Sequence& s, Holding& h, Tokens hit, const Demand& demand);
  void file(const Sequence& s, Holding& h, Tokens filled);
  [[nodiscard]] Tokens reserved_in(const Holding& h) const;
  [[nodiscard]] Tokens internal_in(const Holding& h, std::size_t g) const;
  void account(const Holding& h, std::int64_t sign);
  void map_table(const Holding& h, std::size_t g, MemoryMap& map) const;
  void map_block(BlockId id, MemoryMap::Patch& patch) const;
  void share_tail(Holding& parent, std::size_t g);
  void leave_shared_tail(BlockId tail);
  [[nodiscard]] std::int64_t distinct_blocks_away(Family family) const;

  BlockPool pool_;
  std::vector<std::unique_ptr<CacheGroup>> groups_;
  // Groups alike are looked up together; full attention first, since it bounds the others.
  std::vector<std::vector<std::size_t>> alike_;
  Tokens block_;
  Tokens hash_block_;
  Tokens scheduler_block_;
  Tokens max_model_len_;
  std::int64_t watermark_;
  std::int64_t open_ = 0;  // sequences with blocks
  bool caching_;
  bool drop_last_hit_;
  bool reverse_;
  std::vector<Holding> holdings_;
  std::vector<std::vector<BlockId>> taken_;
  std::vector<BlockCopy> copies_;
  std::int64_t copies_ever_ = 0;
  Tokens reserved_;
  Tokens internal_;
  // The waste of a last block that forks share, counted once; by that block.
  std::map<BlockId, Tokens> shared_tails_;
  std::map<SequenceId, Away> away_;
  std::int64_t host_free_;
  std::int64_t swaps_ever_ = 0;
};

}  // namespace kvsim
