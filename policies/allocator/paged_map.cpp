// PagedCache, drawn: every block with its story, the tree of cached prefixes, tables and free
// queue.

#include <algorithm>
#include <utility>
#include <vector>

#include "policies/allocator/paged_cache.h"

namespace kvsim {
namespace {

using Spent = MemoryMap::Spent;

// The tree that the pool's blocks form. Blocks cached twice are one prefix: look-ups see the
// oldest.
std::vector<MemoryMap::Prefix> prefixes_of(const BlockPool& pool) {
  const auto blocks = static_cast<std::size_t>(pool.usable()) + 1;
  std::vector<BlockId> oldest(blocks);  // with the same key; of what is not cached: none
  std::vector<std::pair<std::uint32_t, BlockId>> found;  // by depth, to put parents first
  for (std::uint32_t i = 1; i < blocks; ++i) {
    const BlockId id{i};
    if (!pool.hashed(id)) continue;
    oldest[i] = pool.find(pool.key(id));
    if (oldest[i] == id) found.emplace_back(pool.depth(id), id);
  }
  std::sort(found.begin(), found.end());

  std::vector<std::uint32_t> index(blocks);
  std::vector<MemoryMap::Prefix> prefixes;
  prefixes.reserve(found.size());
  for (const auto& [depth, id] : found) {
    index[id.index] = static_cast<std::uint32_t>(prefixes.size());
    const CacheEntry entry = pool.entry(id);
    MemoryMap::Prefix prefix;
    if (const BlockId parent = pool.parent(id); parent.valid())
      prefix.parent = index[oldest[parent.index].index];
    prefix.writer = entry.writer;
    prefix.depth = Tokens(entry.depth);
    prefix.tokens = Tokens(entry.tokens);
    prefix.hits = entry.hits;
    prefix.last_used = entry.last_used;
    prefix.group = pool.group(id);
    prefixes.push_back(prefix);
  }
  for (std::uint32_t i = 1; i < blocks; ++i)
    if (oldest[i].valid()) prefixes[index[oldest[i].index]].users += pool.users(BlockId{i});
  return prefixes;
}

}  // namespace

MemoryMap PagedCache::map() const {
  MemoryMap map;
  map.clock = pool_.ticks();
  map.prefixes = prefixes_of(pool_);
  map.free_queue = pool_.queue();
  Tokens widest(1);
  for (const auto& group : groups_) widest = std::max(widest, group->block());
  map.patches.resize(static_cast<std::size_t>(pool_.usable()));
  for (std::uint32_t i = 1; i <= pool_.usable(); ++i) {
    MemoryMap::Patch& patch = map.patches[i - 1];
    patch.first_slot = widest.value() * i;
    patch.slots = block_;
    map_block(BlockId{i}, patch);
  }
  std::vector<const Holding*> open;
  for (const Holding& h : holdings_)
    if (!h.tables.empty() && h.open()) open.push_back(&h);
  std::sort(open.begin(), open.end(),
            [](const Holding* a, const Holding* b) { return a->request < b->request; });
  for (const Holding* h : open)
    for (std::size_t g = 0; g < groups_.size(); ++g) map_table(*h, g, map);
  return map;
}

void PagedCache::map_block(BlockId id, MemoryMap::Patch& patch) const {
  patch.users = pool_.users(id);
  if (!pool_.hashed(id)) return;
  const CacheEntry entry = pool_.entry(id);
  patch.spent = patch.users > 0 ? Spent::kUsed : Spent::kCached;
  patch.filled = block_;
  patch.owner = entry.writer;
  patch.hits = entry.hits;
  patch.last_used = entry.last_used;
  patch.depth = Tokens(entry.depth);
  patch.group = pool_.group(id);
}

// What is not in the cache is known by the first table that holds it.
void PagedCache::map_table(const Holding& h, std::size_t g, MemoryMap& map) const {
  const Tokens block = groups_[g]->block();
  const auto& blocks = h.tables[g].blocks;
  for (std::int64_t i = 0; i < std::ssize(blocks); ++i) {
    const BlockId id = blocks[static_cast<std::size_t>(i)];
    if (id == kNullBlock || pool_.hashed(id)) continue;
    MemoryMap::Patch& patch = map.patches[id.index - 1];
    if (patch.owner != kNoRequest) continue;
    const Tokens filled = std::clamp(h.held - block * i, Tokens(0), block);
    patch.filled = Tokens(filled.value() * block_.value() / block.value());
    const Spent empty = h.reserve > h.held ? Spent::kReserved : Spent::kInternal;
    patch.spent = filled > Tokens(0) ? Spent::kUsed : empty;
    patch.owner = h.request;
    patch.depth = block * i;
    patch.group = static_cast<std::uint8_t>(g);
  }
  map.tables.push_back({h.request, static_cast<std::uint8_t>(g), blocks});
  // An invalid id, to others, is what the null block is here.
  auto& shown = map.tables.back().blocks;
  std::replace(shown.begin(), shown.end(), kNullBlock, BlockId{});
}

}  // namespace kvsim
