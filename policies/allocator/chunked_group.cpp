// Chunked local attention: a token sees the tokens of its own chunk up to itself.
//
// What lies in earlier chunks counts as a hit without being held. Source: vLLM's
// ChunkedLocalAttentionManager.

#include <algorithm>

#include "policies/allocator/cache_group.h"

namespace kvsim {
namespace {

class ChunkedGroup final : public CacheGroup {
 public:
  using CacheGroup::CacheGroup;

  void find(const BlockKeys& keys, Tokens limit, bool /*drop_last*/,
            std::vector<BlockId>& blocks) const override {
    const std::int64_t most = limit / block();
    const std::int64_t first = skipped(limit) / block();
    blocks.assign(static_cast<std::size_t>(first), kNullBlock);
    for (std::int64_t i = first; i < most; ++i) {
      const BlockId found = pool().find(key(keys, i));
      if (!found.valid()) break;
      blocks.push_back(found);
    }
    align(blocks);
  }

  [[nodiscard]] Tokens skipped(Tokens computed) const override {
    return spec().chunk * (computed / spec().chunk);
  }
  [[nodiscard]] Tokens most_held(Tokens longest) const override {
    const Tokens held = std::min(spec().chunk + in_flight(), longest);
    return block() * blocks_for(held, block()).value();
  }
};

}  // namespace

std::unique_ptr<CacheGroup> make_chunked_group(const CacheGroup::Setup& setup) {
  return std::make_unique<ChunkedGroup>(setup);
}

}  // namespace kvsim
