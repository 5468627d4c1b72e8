// Paged: fixed-size blocks behind a block table per sequence, and a prefix cache over full blocks.
//
// What vLLM V1 does (July 2026; vllm/v1/core/kv_cache_manager.py allocate_slots and
// single_type_kv_cache_manager.py): hits are whole blocks and at most tokens-1; touching a hit
// consumes free capacity and is counted before anything is taken; blocks enter the cache when the
// step that fills them is *scheduled*; tables only grow; release goes from the tail to the head.
// Cost: O(1) per block taken, hit or released, plus the eviction policy's own.

#include <algorithm>
#include <vector>

#include "policies/allocator/block_keys.h"
#include "policies/allocator/block_pool.h"
#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/model/allocator.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/cache/watermark", "0.0", "", 0, 1,
                 "Share of the blocks kept free when admitting beside running sequences (paged)."),
    word_field(
        "/cache/release_order", "reverse", "order",
        [] {
          return std::vector<std::string>{"forward", "reverse"};
        },
        "Order in which a sequence's blocks are freed (paged). `forward` is the textbook "
        "mistake: the head of a shared prefix is then evicted before its tail."),
};

class Paged final : public Allocator {
 public:
  explicit Paged(const Setup& setup)
      : block_(setup.block),
        caching_(setup.config.boolean("/cache/enable_prefix_caching")),
        reverse_(setup.config.text("/cache/release_order") == "reverse"),
        pool_(pool_setup(setup)),
        watermark_(static_cast<std::int64_t>(setup.config.number("/cache/watermark") *
                                             static_cast<double>(setup.capacity / setup.block))) {}

  [[nodiscard]] bool can_ever_fit(const Request& r) const override {
    // The last sampled token is never computed, so it needs no slot.
    return blocks_for(r.prompt + r.output - Tokens(1), block_).value() <= pool_.usable();
  }

  [[nodiscard]] Tokens lookup(const Sequence& s) override {
    hits_of_ = s.id;
    hits_.clear();
    if (!caching_) return Tokens(0);
    Table& table = table_of(s);
    KVSIM_CHECK(table.blocks.empty(), "only a sequence that holds nothing looks its prefix up");
    const std::int64_t most = (s.tokens() - Tokens(1)) / block_;
    extend_keys(s, table, most);
    for (std::int64_t i = 0; i < most; ++i) {
      const BlockId found = pool_.find(table.keys[static_cast<std::size_t>(i)]);
      if (!found.valid()) break;
      hits_.push_back(found);
    }
    return block_ * static_cast<std::int64_t>(hits_.size());
  }

  [[nodiscard]] bool admit(const Sequence& s, Tokens hit, Tokens total,
                           const AdmitRule& rule) override {
    const std::int64_t hits = hit / block_;
    KVSIM_CHECK(hits == 0 || (hits_of_ == s.id && hits == std::ssize(hits_)),
                "admission follows the look-up it relies on");
    const Tokens room = std::max(total, rule.reserve);
    const std::int64_t revived = idle_hits(hits);
    const std::int64_t spared = rule.others_running ? watermark_ : 0;
    const Tokens must_fit = rule.whole_prompt_must_fit ? std::max(room, s.tokens()) : room;
    if (blocks_for(must_fit, block_).value() - hits + revived + spared > pool_.free()) return false;

    Table& table = table_of(s);
    for (std::int64_t i = 0; i < hits; ++i) {
      pool_.touch(hits_[static_cast<std::size_t>(i)], -s.request.priority);
      table.blocks.push_back(hits_[static_cast<std::size_t>(i)]);
    }
    table.cached = hits;
    table.reserve = rule.reserve;
    extend_table(s, table, total, room);
    return true;
  }

  [[nodiscard]] bool grow(const Sequence& s, Tokens total) override {
    Table& table = table_of(s);
    const Tokens room = std::max(total, table.reserve);
    if (blocks_for(room, block_).value() - std::ssize(table.blocks) > pool_.free()) return false;
    account(table, -1);
    extend_table(s, table, total, room);
    return true;
  }

  // Blocks entered the cache when they were scheduled.
  void commit(const Sequence& /*s*/) override {}

  void release(const Sequence& s, Release /*why*/) override {
    Table& table = table_of(s);
    account(table, -1);
    if (reverse_) std::reverse(table.blocks.begin(), table.blocks.end());
    pool_.release(table.blocks);
    table.blocks.clear();
    table.keys.restart(s.request.cache_salt);
    table.live = false;
    hits_of_ = {};
  }

  [[nodiscard]] Tokens block() const override { return block_; }
  [[nodiscard]] Tokens idle_hit(const Sequence& /*s*/, Tokens hit) const override {
    return block_ * idle_hits(hit / block_);
  }

  [[nodiscard]] bool caches_prefixes() const override { return caching_; }
  [[nodiscard]] MemoryUse memory() const override {
    MemoryUse use;
    use.capacity = block_ * pool_.usable();
    use.reserved = reserved_;
    use.internal = internal_;
    use.used = block_ * pool_.used() - reserved_ - internal_;
    use.cached = block_ * pool_.cached();
    use.free = block_ * (pool_.free() - pool_.cached());
    return use;
  }

  [[nodiscard]] Counters counters() const override {
    return {pool_.evictions(), pool_.evictions() * block_.value(), pool_.allocations(), 0};
  }

  void check_books() const override {
    std::vector<std::uint32_t> holders(static_cast<std::size_t>(pool_.usable()) + 1);
    Tokens reserved;
    Tokens internal;
    for (const Table& table : tables_) {
      for (const BlockId block : table.blocks) ++holders[block.index];
      reserved += reserved_in(table);
      internal += internal_in(table);
    }
    pool_.check_books(holders);
    KVSIM_CHECK(reserved == reserved_ && internal == internal_, "the waste adds up over tables");
    KVSIM_CHECK(memory().adds_up() && memory().used.value() >= 0, "memory adds up");
  }

 private:
  struct Table {
    std::vector<BlockId> blocks;  // the block table
    BlockKeys keys;
    std::int64_t cached = 0;  // leading blocks that are in the prefix cache
    Tokens held;              // tokens it has room for and has filled (or is filling now)
    Tokens reserve;           // tokens it was promised at admission
    bool live = false;
    std::uint64_t request = 0;  // whose it is: one that only looked up may leave without a word
  };

  static BlockPool::Setup pool_setup(const Setup& setup) {
    const std::int64_t blocks = setup.capacity / setup.block;
    return {blocks, setup.block, setup.config.boolean("/cache/enable_prefix_caching"),
            Registry<EvictionPolicy>::make(setup.config.text("/cache/eviction"),
                                           {static_cast<std::size_t>(blocks), setup.config})};
  }

  Table& table_of(const Sequence& s) {
    if (s.id.index >= tables_.size()) tables_.resize(s.id.index + 1);
    Table& table = tables_[s.id.index];
    if (!table.live || table.request != s.request.id) {
      KVSIM_CHECK(table.blocks.empty(), "an id is reused after its memory was released");
      table.live = true;
      table.request = s.request.id;
      table.held = table.reserve = Tokens(0);
      table.cached = 0;
      table.keys.restart(s.request.cache_salt);
    }
    return table;
  }

  // Touching a cached hit takes it out of the free count too (semantics 4, step 5).
  [[nodiscard]] std::int64_t idle_hits(std::int64_t hits) const {
    return std::count_if(hits_.begin(), hits_.begin() + hits,
                         [&](BlockId b) { return pool_.users(b) == 0; });
  }

  void extend_keys(const Sequence& s, Table& table, std::int64_t count) const {
    table.keys.extend(s.request.content, static_cast<std::size_t>(count), block_);
  }

  // Takes the blocks that `room` tokens need, then caches what `total` tokens fill. The table's
  // waste must not be in the accounts when this is called; it is afterwards.
  void extend_table(const Sequence& s, Table& table, Tokens total, Tokens room) {
    for (std::int64_t n = blocks_for(room, block_).value(); std::ssize(table.blocks) < n;)
      table.blocks.push_back(pool_.take());
    table.held = std::max(table.held, total);
    account(table, +1);
    if (caching_) cache_full_blocks(s, table, std::min(total, s.tokens()));
  }

  void cache_full_blocks(const Sequence& s, Table& table, Tokens filled) {
    const std::int64_t full = filled / block_;
    if (full <= table.cached) return;
    extend_keys(s, table, full);
    constexpr std::int64_t kAhead = 8;
    for (; table.cached < full; ++table.cached) {
      const auto i = static_cast<std::size_t>(table.cached);
      if (table.cached + kAhead < full) pool_.expect(table.keys[i + kAhead]);
      const BlockId parent = i == 0 ? BlockId{} : table.blocks[i - 1];
      pool_.cache(table.blocks[i], table.keys[i], parent,
                  static_cast<std::uint32_t>(table.cached * block_.value()), -s.request.priority);
    }
  }

  // Of a table's room: first the tokens held, then those promised, then block rounding.
  [[nodiscard]] Tokens reserved_in(const Table& table) const {
    return table.blocks.empty() ? Tokens(0) : std::max(table.reserve, table.held) - table.held;
  }
  [[nodiscard]] Tokens internal_in(const Table& table) const {
    return table.blocks.empty()
               ? Tokens(0)
               : block_ * std::ssize(table.blocks) - std::max(table.reserve, table.held);
  }
  void account(const Table& table, std::int64_t sign) {
    reserved_ += reserved_in(table) * sign;
    internal_ += internal_in(table) * sign;
  }

  Tokens block_;
  bool caching_;
  bool reverse_;
  BlockPool pool_;
  std::int64_t watermark_;
  std::vector<Table> tables_;  // by SequenceId
  SequenceId hits_of_;         // whose last look-up hits_ holds
  std::vector<BlockId> hits_;
  Tokens reserved_;
  Tokens internal_;
};

const Registered<Allocator, Paged> kPaged{
    "paged", "Blocks, block tables and a prefix cache: vLLM's memory manager."};

}  // namespace
}  // namespace kvsim
