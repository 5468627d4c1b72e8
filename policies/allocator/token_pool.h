#pragma once
// TokenPool: the free pages of the KV memory, in the order they will be handed out. The bottom one
// of SGLang's three levels.
//
// Page p holds the token slots p*page .. p*page+page-1. Page 0 is padding, where dummy tokens are
// written, and is never handed out. Pages of one token are reused first in, first out; larger ones
// last in, first out, those freed together in ascending order.
// Taking and freeing cost O(pages), plus the sort of what is freed together; nothing allocates
// after warm-up.
// Source: SGLang, python/sglang/srt/mem_cache/allocator.py.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

class TokenPool {
 public:
  struct Setup {
    Tokens size;        ///< Token slots besides the padding; only whole pages of it are used.
    Tokens page{1};     ///< > 0.
    bool sort = false;  ///< SGLang's need_sort: park what is freed, sort it in when short.
  };
  explicit TokenPool(const Setup& setup);

  [[nodiscard]] Tokens page() const { return page_; }
  [[nodiscard]] Tokens capacity() const { return page_ * static_cast<std::int64_t>(ring_.size()); }
  [[nodiscard]] Tokens available() const {
    return page_ * static_cast<std::int64_t>(free_ + parked_.size());
  }
  [[nodiscard]] std::size_t pages_for(Tokens n) const {
    return static_cast<std::size_t>(blocks_for(n, page_).value());
  }
  /// With Setup::sort, what is parked comes back if fewer than `comfort` pages are at hand.
  void make_ready(std::size_t comfort) {
    if (sort_ && comfort > free_) sort_in_parked();
  }
  /// Appends `count` pages to `out`, after make_ready(comfort). All or nothing.
  [[nodiscard]] bool take(std::size_t count, std::size_t comfort, std::vector<BlockId>& out);
  /// Takes back pages that were freed together.
  void give_back(std::span<const BlockId> pages);

  /// Counts every free page into `seen`, which is indexed by page.
  void count_free(std::span<std::uint32_t> seen) const;

 private:
  [[nodiscard]] std::size_t wrap(std::size_t at) const {
    return at < ring_.size() ? at : at - ring_.size();
  }
  void push_back(BlockId page);
  void push_front(BlockId page);
  void sort_in_parked();

  Tokens page_;
  bool sort_;
  std::vector<BlockId> ring_;  // free pages: free_ of them from first_ on, wrapping round
  std::size_t first_ = 0;
  std::size_t free_ = 0;
  std::vector<BlockId> parked_;   // freed, not yet sorted in
  std::vector<BlockId> scratch_;  // of give_back() and sort_in_parked()
};

}  // namespace kvsim
