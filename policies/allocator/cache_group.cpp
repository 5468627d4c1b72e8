#include "policies/allocator/cache_group.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {

std::int64_t CacheGroup::needed(const BlockTable& table, const GroupDemand& demand) const {
  const std::int64_t required = blocks_for(std::min(demand.room, demand.most), block()).value();
  const std::int64_t held = std::ssize(table.blocks);
  // Rejected drafts can leave a table longer than it has to be; nothing is given back.
  if (table.open) return std::max(required - held, std::int64_t{0});
  const std::int64_t left_out = skipped(demand.computed) / block();
  const std::int64_t given = std::max(left_out, std::ssize(demand.hits) + held);
  const std::int64_t dead = std::clamp(left_out - held, std::int64_t{0}, std::ssize(demand.hits));
  const std::int64_t sinks = std::min(dead, blocks_for(spec().sinks, block()).value());
  return std::max(required - given, std::int64_t{0}) +
         revived(demand.hits.first(static_cast<std::size_t>(sinks))) +
         revived(demand.hits.subspan(static_cast<std::size_t>(dead)));
}

void CacheGroup::drop_skipped(BlockTable& table, Tokens computed) {
  const std::int64_t end = std::min(skipped(computed) / block(), std::ssize(table.blocks));
  free_range(table, blocks_for(spec().sinks, block()).value(), end);
}

void CacheGroup::take_hits(BlockTable& table, const GroupDemand& demand, std::int32_t importance) {
  KVSIM_CHECK(table.blocks.empty(), "only a sequence that holds nothing has hits");
  const std::int64_t left_out = skipped(demand.computed) / block();
  const std::int64_t kept = std::min(left_out, blocks_for(spec().sinks, block()).value());
  for (std::int64_t i = 0; i < std::max(left_out, std::ssize(demand.hits)); ++i) {
    const bool dead = i >= kept && i < left_out;
    const BlockId hit = dead || i >= std::ssize(demand.hits)
                            ? kNullBlock
                            : demand.hits[static_cast<std::size_t>(i)];
    pool().touch(hit, importance);
    table.blocks.push_back(hit);
  }
  table.cached = std::ssize(table.blocks);
  table.open = true;
}

void CacheGroup::take_new(BlockTable& table, const GroupDemand& demand,
                          std::vector<BlockId>& taken) {
  const std::int64_t required = blocks_for(demand.room, block()).value();
  while (std::ssize(table.blocks) < required) {
    const BlockId id = pool().take();
    table.blocks.push_back(id);
    taken.push_back(id);
  }
}

void CacheGroup::cache(BlockTable& table, const BlockKeys& keys, Tokens filled, Tokens /*prompt*/,
                       const BlockPool::Writer& writer) {
  BlockPool& pool = setup_.pool;
  const std::int64_t full = std::min(filled / block(), std::ssize(table.blocks));
  for (std::int64_t i = table.cached; i < full; ++i) {
    if (i + kAhead < full) pool.expect(key(keys, i + kAhead));
    const BlockId id = table.blocks[static_cast<std::size_t>(i)];
    if (id == kNullBlock || !worth_caching(i)) continue;
    const Key128 name = key(keys, i);
    if (pool.hashed(id) && pool.key(id) == name) continue;  // filed by a fork that shares it
    pool.cache(id, name, origin(table, i, writer));
  }
  table.cached = std::max(table.cached, full);
}

// What is freed goes from right to left; left of a null block everything is null already.
void CacheGroup::free_range(BlockTable& table, std::int64_t first, std::int64_t end) {
  freed_.clear();
  for (std::int64_t i = end - 1; i >= first; --i) {
    BlockId& id = table.blocks[static_cast<std::size_t>(i)];
    if (id == kNullBlock) break;
    freed_.push_back(id);
    id = kNullBlock;
  }
  pool().release(freed_);
}

void CacheGroup::align(std::vector<BlockId>& blocks) const {
  while (!aligned(std::ssize(blocks))) blocks.pop_back();
}

std::int64_t CacheGroup::revived(std::span<const BlockId> hits) const {
  return std::count_if(hits.begin(), hits.end(),
                       [this](BlockId id) { return id != kNullBlock && pool().users(id) == 0; });
}

BlockPool::Origin CacheGroup::origin(const BlockTable& table, std::int64_t i,
                                     const BlockPool::Writer& writer) const {
  const bool has_parent = chained() && i > 0;
  return {has_parent ? table.blocks[static_cast<std::size_t>(i - 1)] : BlockId{},
          static_cast<std::uint32_t>((block() * i).value()), setup_.number, writer};
}

std::unique_ptr<CacheGroup> make_group(const CacheGroup::Setup& setup) {
  switch (setup.spec.kind) {
    case KvGroup::Kind::kFull:
      return make_full_group(setup);
    case KvGroup::Kind::kSlidingWindow:
      return make_window_group(setup);
    case KvGroup::Kind::kChunkedLocal:
      return make_chunked_group(setup);
    case KvGroup::Kind::kMamba:
      return make_mamba_group(setup);
  }
  KVSIM_CHECK(false, "every kind of group has rules");
}

}  // namespace kvsim
