// Mamba layers: a block is not a run of tokens but the state after them.
//
// Only the newest state is needed to go on, so a prefix is cached if the state at its end is.
//   none, all: a block per `block` tokens, those before the newest freed as the sequence goes on;
//   align:     chunks end at block boundaries, and only the running state (and `speculative_blocks`
//              for drafts) takes a block at all; the others' positions are null.
// A state filed in this step is not written yet: whoever hits it must wait for the next step.
// Source: vLLM's MambaManager (July 2026). Not modelled: hits inside a block (`align` where hash
// blocks are smaller than state blocks), which vLLM serves by copying the state.

#include <algorithm>

#include "policies/allocator/cache_group.h"

namespace kvsim {
namespace {

class MambaGroup final : public CacheGroup {
 public:
  using CacheGroup::CacheGroup;

  void find(const BlockKeys& keys, Tokens limit, bool /*drop_last*/,
            std::vector<BlockId>& blocks) const override {
    for (std::int64_t i = limit / block(); i > 0; --i) {
      if (!aligned(i)) continue;
      const BlockId found = pool().find(key(keys, i - 1));
      if (!found.valid()) continue;
      blocks.assign(static_cast<std::size_t>(i - 1), kNullBlock);
      blocks.push_back(found);
      return;
    }
  }

  [[nodiscard]] Tokens skipped(Tokens computed) const override {
    return std::max(Tokens(0), computed - Tokens(1));
  }

  // The running state and, for a step, the one before it.
  [[nodiscard]] Tokens most_held(Tokens longest) const override {
    return align_mode() ? std::min(longest, block() * 2) : longest;
  }

  [[nodiscard]] std::int64_t needed(const BlockTable& table,
                                    const GroupDemand& demand) const override {
    if (!demand.hits.empty() && filed_this_step(demand.hits.back())) return pool().usable() + 2;
    if (!align_mode()) return CacheGroup::needed(table, widened(demand));
    const std::int64_t more = required(demand) - std::ssize(demand.hits) - std::ssize(table.blocks);
    const std::int64_t fresh = table.started ? 1 : 1 + spec().speculative_blocks;
    return (more > 0 ? fresh : 0) + revived(demand.hits);
  }

  void drop_skipped(BlockTable& table, Tokens computed) override {
    CacheGroup::drop_skipped(table, computed);
    if (!align_mode() || table.state < 0) return;
    // The state two steps back has been copied on; prefill leaves it among null blocks.
    if (table.state >= blocks_for(computed, block()).value() - 1) return;
    BlockId& old = table.blocks[static_cast<std::size_t>(table.state)];
    if (old == kNullBlock) return;
    pool().release(std::span(&old, 1));
    old = kNullBlock;
  }

  void take_new(BlockTable& table, const GroupDemand& demand,
                std::vector<BlockId>& taken) override {
    if (!align_mode()) return CacheGroup::take_new(table, widened(demand), taken);
    const std::int64_t want = required(demand);
    const std::int64_t before = std::ssize(table.blocks);
    if (want <= before) return;
    if (table.started)
      table.state = before - 1 - spec().speculative_blocks;
    else if (before > 0)
      table.state = before - 1;  // the state that was hit
    const std::int64_t stateless = want - spec().speculative_blocks - 1;
    if (before < stateless) table.blocks.resize(static_cast<std::size_t>(stateless), kNullBlock);
    if (table.started) move_speculative_blocks(table, before, stateless);
    while (std::ssize(table.blocks) < want) table.blocks.push_back(pool().take());
    table.started = true;
    taken.insert(taken.end(), table.blocks.begin() + before, table.blocks.end());
  }

  void cache(BlockTable& table, const BlockKeys& keys, Tokens filled, Tokens prompt,
             const BlockPool::Writer& writer) override {
    const std::int64_t before = table.cached;
    CacheGroup::cache(table, keys, filled, prompt, writer);
    for (std::int64_t i = before; i < table.cached; ++i) {
      const BlockId id = table.blocks[static_cast<std::size_t>(i)];
      if (id != kNullBlock && pool().hashed(id)) fresh_.push_back(pool().key(id));
    }
  }

  void step_starts() override { fresh_.clear(); }

 private:
  [[nodiscard]] bool align_mode() const { return spec().mode == KvGroup::MambaMode::kAlign; }
  [[nodiscard]] std::int64_t required(const GroupDemand& demand) const {
    return blocks_for(demand.main, block()).value() + spec().speculative_blocks;
  }
  [[nodiscard]] GroupDemand widened(GroupDemand demand) const {
    demand.room += block() * spec().speculative_blocks;
    demand.most += block() * spec().speculative_blocks;
    return demand;
  }
  // The blocks for drafts move on with the end of the table.
  void move_speculative_blocks(BlockTable& table, std::int64_t before, std::int64_t stateless) {
    for (std::int64_t i = before - spec().speculative_blocks; i < std::min(before, stateless);
         ++i) {
      const BlockId moved = table.blocks[static_cast<std::size_t>(i)];
      table.blocks[static_cast<std::size_t>(i)] = kNullBlock;
      table.blocks.push_back(moved);
    }
  }
  [[nodiscard]] bool filed_this_step(BlockId id) const {
    return id != kNullBlock && pool().hashed(id) &&
           std::find(fresh_.begin(), fresh_.end(), pool().key(id)) != fresh_.end();
  }

  std::vector<Key128> fresh_;  // filed since the step started
};

}  // namespace

std::unique_ptr<CacheGroup> make_mamba_group(const CacheGroup::Setup& setup) {
  return std::make_unique<MambaGroup>(setup);
}

}  // namespace kvsim
