#include "policies/allocator/token_pool.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {

TokenPool::TokenPool(const Setup& setup)
    : page_(setup.page),
      sort_(setup.sort),
      ring_(static_cast<std::size_t>(setup.size / setup.page)) {
  for (std::uint32_t page = 1; page <= ring_.size(); ++page) push_back(BlockId{page});
}

bool TokenPool::take(std::size_t count, std::size_t comfort, std::vector<BlockId>& out) {
  make_ready(comfort);
  if (count > free_) return false;
  const auto first = ring_.begin() + static_cast<std::ptrdiff_t>(first_);
  const std::size_t straight = std::min(count, ring_.size() - first_);
  out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(straight));
  out.insert(out.end(), ring_.begin(),
             ring_.begin() + static_cast<std::ptrdiff_t>(count - straight));
  first_ = wrap(first_ + count);
  free_ -= count;
  return true;
}

void TokenPool::give_back(std::span<const BlockId> pages) {
  KVSIM_CHECK(free_ + parked_.size() + pages.size() <= ring_.size(), "a page is freed once");
  if (sort_) {
    parked_.insert(parked_.end(), pages.begin(), pages.end());
    return;
  }
  if (page_ == Tokens(1)) {
    for (const BlockId page : pages) push_back(page);
    return;
  }
  scratch_.assign(pages.begin(), pages.end());
  std::sort(scratch_.begin(), scratch_.end());
  for (std::size_t i = scratch_.size(); i > 0; --i) push_front(scratch_[i - 1]);
}

void TokenPool::sort_in_parked() {
  if (parked_.empty()) return;
  scratch_.clear();
  for (std::size_t i = 0; i < free_; ++i) scratch_.push_back(ring_[wrap(first_ + i)]);
  scratch_.insert(scratch_.end(), parked_.begin(), parked_.end());
  std::sort(scratch_.begin(), scratch_.end());
  parked_.clear();
  first_ = free_ = 0;
  for (const BlockId page : scratch_) push_back(page);
}

void TokenPool::push_back(BlockId page) { ring_[wrap(first_ + free_++)] = page; }

void TokenPool::push_front(BlockId page) {
  first_ = wrap(first_ + ring_.size() - 1);
  ring_[first_] = page;
  ++free_;
}

void TokenPool::count_free(std::span<std::uint32_t> seen) const {
  for (std::size_t i = 0; i < free_; ++i) ++seen[ring_[wrap(first_ + i)].index];
  for (const BlockId page : parked_) ++seen[page.index];
}

}  // namespace kvsim
