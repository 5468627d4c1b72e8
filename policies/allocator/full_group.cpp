// Full attention: every token is kept; a prefix is cached as far as its blocks are, from the left.

#include <algorithm>

#include "policies/allocator/cache_group.h"

namespace kvsim {
namespace {

class FullGroup final : public CacheGroup {
 public:
  using CacheGroup::CacheGroup;

  void find(const BlockKeys& keys, Tokens limit, bool drop_last,
            std::vector<BlockId>& blocks) const override {
    const std::int64_t most = limit / block();
    for (std::int64_t i = 0; i < most; ++i) {
      if (i + kAhead < most) pool().expect(key(keys, i + kAhead));
      const BlockId found = pool().find(key(keys, i));
      if (!found.valid()) break;
      blocks.push_back(found);
    }
    if (drop_last && !blocks.empty()) blocks.pop_back();
    align(blocks);
  }

  // Where other groups have smaller blocks, vLLM also files the block that the prompt ends in,
  // under the hash at its last whole hash block: nobody's look-up ends there, but the block now
  // counts as cached when it is freed (full attention's _cache_partial_tail_block).
  void cache(BlockTable& table, const BlockKeys& keys, Tokens filled, Tokens prompt,
             const BlockPool::Writer& writer) override {
    CacheGroup::cache(table, keys, filled, prompt, writer);
    if (!coarse()) return;
    const Tokens hash_block(block().value() / static_cast<std::int64_t>(fine()));
    const std::int64_t edge = prompt / hash_block;
    const Tokens boundary = hash_block * edge;
    if (edge == 0 || boundary > filled || boundary % block() == Tokens(0)) return;
    const std::int64_t i = boundary / block();
    if (i >= std::ssize(table.blocks)) return;
    const BlockId id = table.blocks[static_cast<std::size_t>(i)];
    if (pool().hashed(id)) return;
    const Key128 key = group_key(keys[static_cast<std::size_t>(edge) - 1], number(), 1);
    pool().cache(id, key, origin(table, i, writer));
  }
};

}  // namespace

std::unique_ptr<CacheGroup> make_full_group(const CacheGroup::Setup& setup) {
  return std::make_unique<FullGroup>(setup);
}

}  // namespace kvsim
