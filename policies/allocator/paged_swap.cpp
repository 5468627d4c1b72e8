// PagedCache, swapping: the blocks of a family go to the host's memory and come back.
//
// What vLLM V0's block manager did (core/block_manager.py can_swap_in, can_swap_out, swap_in,
// swap_out): no watermark for the host's blocks, the device's applies on the way back, and the room
// asked for then counts a shared block once for every table it is in. Alone on the device a family
// only needs what it moves (V0 would fail the request).
// Deviation: blocks whose contents are still cached here come over the link all the same.

#include <algorithm>

#include "policies/allocator/paged_cache.h"
#include "sim/core/check.h"

namespace kvsim {
namespace {

void collect(const std::vector<BlockTable>& tables, std::vector<BlockId>& blocks) {
  for (const BlockTable& table : tables)
    std::copy_if(table.blocks.begin(), table.blocks.end(), std::back_inserter(blocks),
                 [](BlockId id) { return id != kNullBlock; });
}

std::int64_t distinct(std::vector<BlockId> blocks) {
  std::sort(blocks.begin(), blocks.end());
  return std::unique(blocks.begin(), blocks.end()) - blocks.begin();
}

}  // namespace

bool PagedCache::can_swap_out(Family family) const {
  std::vector<BlockId> blocks;
  for (const Sequence* s : family) collect(find_holding(*s)->tables, blocks);
  return distinct(std::move(blocks)) <= host_free_;
}

std::int64_t PagedCache::swap_out(Family family) {
  for (const Sequence* s : family) {
    const Holding& h = holding_of(*s);
    KVSIM_CHECK(h.open() && h.reserve == Tokens(0), "who runs without promises is swapped out");
    away_[s->id] = {h.tables, h.held};
    release(*s);
  }
  const std::int64_t moved = distinct_blocks_away(family);
  KVSIM_CHECK(moved <= host_free_, "the host has room");
  host_free_ -= moved;
  swaps_ever_ += moved;
  return moved;
}

std::int64_t PagedCache::distinct_blocks_away(Family family) const {
  std::vector<BlockId> blocks;
  for (const Sequence* s : family) collect(away_.at(s->id).tables, blocks);
  return distinct(std::move(blocks));
}

bool PagedCache::can_swap_in(Family family, bool others_running, std::int64_t spare) const {
  if (!others_running) return distinct_blocks_away(family) <= pool_.free();
  std::int64_t touched = 0;
  for (const Sequence* s : family) {
    const Away& away = away_.at(s->id);
    std::vector<BlockId> blocks;
    collect(away.tables, blocks);
    touched += std::ssize(blocks);
    for (const auto& group : groups_) touched += away.held % group->block() == Tokens(0);
  }
  return touched + watermark_ + spare <= pool_.free();
}

std::int64_t PagedCache::swap_in(Family family) {
  std::map<BlockId, BlockId> here;  // by the id it had when it left
  for (const Sequence* s : family) {
    Holding& h = holding_of(*s);
    const auto away = away_.find(s->id);
    KVSIM_CHECK(!h.open() && away != away_.end(), "who was swapped out is swapped in");
    h.tables = std::move(away->second.tables);
    h.held = away->second.held;
    away_.erase(away);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      BlockTable& table = h.tables[g];
      table.cached = 0;
      for (BlockId& id : table.blocks) {
        if (id == kNullBlock) continue;
        const auto [at, first] = here.try_emplace(id);
        if (first)
          at->second = pool_.take();
        else
          pool_.touch(at->second, -s->request.priority);
        id = at->second;
      }
      if (!table.forked) continue;
      table.forked = false;
      const Tokens waste = internal_in(h, g);
      table.forked = true;
      if (waste > Tokens(0) && shared_tails_.emplace(table.blocks.back(), waste).second)
        internal_ += waste;
    }
    ++open_;
    account(h, +1);
  }
  const std::int64_t moved = std::ssize(here);
  host_free_ += moved;
  swaps_ever_ += moved;
  return moved;
}

}  // namespace kvsim
