// Sliding window: a token sees the last `window` tokens, itself included, and the `sinks` first.
//
// Blocks that have left every window are freed while the sequence runs. A prefix is cached if the
// window before its end is: enough consecutive blocks, looked for from the right.
// Source: vLLM's SlidingWindowManager; sinks: StreamingLLM (arXiv 2309.17453).

#include <algorithm>

#include "policies/allocator/cache_group.h"

namespace kvsim {
namespace {

class WindowGroup final : public CacheGroup {
 public:
  using CacheGroup::CacheGroup;

  void find(const BlockKeys& keys, Tokens limit, bool drop_last,
            std::vector<BlockId>& blocks) const override {
    const std::int64_t most = limit / block();
    const std::int64_t enough = window_blocks() + (drop_last ? 1 : 0);
    blocks.assign(static_cast<std::size_t>(most), kNullBlock);
    std::int64_t run = 0;
    std::int64_t i = most;
    // At least one look: with a window of one token, any single cached block is enough.
    while (i > 0 && (run == 0 || run < enough)) {
      --i;
      const BlockId found = pool().find(key(keys, i));
      const bool misplaced = run == 0 && !aligned(drop_last ? i : i + 1);
      if (found.valid() && misplaced) continue;
      run = found.valid() ? run + 1 : 0;
      if (found.valid()) blocks[static_cast<std::size_t>(i)] = found;
    }
    // A run that reaches the start is a prefix however short it is.
    const bool enough_found = run > 0 && run >= enough;
    blocks.resize(static_cast<std::size_t>(enough_found ? i + run : run));
    if (!enough_found) align(blocks);
    if (drop_last && !blocks.empty()) {
      blocks.pop_back();
      align(blocks);
    }
    find_sinks(keys, blocks);
  }

  [[nodiscard]] Tokens skipped(Tokens computed) const override {
    return std::max(Tokens(0), computed - spec().window + Tokens(1));
  }
  // A block more than the tokens need: a window may start in the middle of one.
  [[nodiscard]] Tokens most_held(Tokens longest) const override {
    const Tokens held = std::min(spec().window - Tokens(1) + in_flight(), longest);
    return block() *
           (blocks_for(held, block()).value() + 1 + blocks_for(spec().sinks, block()).value());
  }

 private:
  [[nodiscard]] std::int64_t window_blocks() const {
    return blocks_for(spec().window - Tokens(1), block()).value();
  }
  // Blocks between two multiples of the alignment that no hit's window can reach are not worth a
  // key (vLLM's reachable_block_mask).
  [[nodiscard]] bool worth_caching(std::int64_t i) const override {
    const std::int64_t segment = alignment() / block();
    const std::int64_t sinks = blocks_for(spec().sinks, block()).value();
    return i < sinks || window_blocks() >= segment || i % segment >= segment - window_blocks();
  }
  // A hit is no use without the sinks.
  void find_sinks(const BlockKeys& keys, std::vector<BlockId>& blocks) const {
    const std::int64_t sinks = blocks_for(spec().sinks, block()).value();
    for (std::int64_t i = 0; i < std::min(sinks, std::ssize(blocks)); ++i) {
      const BlockId found = pool().find(key(keys, i));
      if (!found.valid()) return blocks.clear();
      blocks[static_cast<std::size_t>(i)] = found;
    }
  }
};

}  // namespace

std::unique_ptr<CacheGroup> make_window_group(const CacheGroup::Setup& setup) {
  return std::make_unique<WindowGroup>(setup);
}

}  // namespace kvsim
