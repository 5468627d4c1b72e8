#include "policies/allocator/range_pool.h"

#include <bit>

#include "sim/core/check.h"

namespace kvsim {

HoleRanges::HoleRanges(Tokens capacity, Fit fit) : capacity_(capacity), fit_(fit) {
  if (capacity > Tokens(0)) add(Tokens(0), capacity);
}

void HoleRanges::add(Tokens start, Tokens length) {
  holes_.emplace(start, length);
  by_size_.emplace(length, start);
}

void HoleRanges::remove(Holes::iterator hole) {
  by_size_.erase({hole->second, hole->first});
  holes_.erase(hole);
}

HoleRanges::Holes::iterator HoleRanges::choose(Tokens length) {
  if (fit_ == Fit::kBest) {
    const auto smallest = by_size_.lower_bound({length, Tokens(0)});
    return smallest == by_size_.end() ? holes_.end() : holes_.find(smallest->second);
  }
  auto hole = holes_.begin();
  while (hole != holes_.end() && hole->second < length) ++hole;
  return hole;
}

std::optional<Range> HoleRanges::take(Tokens length) {
  const auto hole = choose(length);
  if (hole == holes_.end()) return std::nullopt;
  const auto [start, size] = *hole;
  remove(hole);
  if (size > length) add(start + length, size - length);
  return Range{start, length};
}

void HoleRanges::give_back(Range range) {
  auto [start, length] = range;
  const auto after = holes_.lower_bound(start);
  if (after != holes_.end() && start + length == after->first) {
    length += after->second;
    remove(after);
  }
  const auto next = holes_.lower_bound(start);
  if (next != holes_.begin()) {
    const auto before = std::prev(next);
    KVSIM_CHECK(before->first + before->second <= start, "a range is given back once");
    if (before->first + before->second == start) {
      start = before->first;
      length += before->second;
      remove(before);
    }
  }
  add(start, length);
}

Tokens HoleRanges::count_free() const {
  Tokens sum;
  for (const auto& [start, length] : holes_) sum += length;
  return sum;
}

BuddyRanges::BuddyRanges(Tokens capacity) : capacity_(capacity.value()) {
  constexpr std::size_t kOrders = 63;
  free_.resize(kOrders);
  std::int64_t start = 0;
  for (std::size_t order = kOrders; order-- > 0;) {
    const std::int64_t chunk = std::int64_t{1} << order;
    if ((capacity_ & chunk) == 0) continue;
    free_[order].insert(start);
    start += chunk;
  }
}

std::size_t BuddyRanges::order_for(Tokens length) {
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(length.value() - 1)));
}

bool BuddyRanges::can_ever_take(Tokens length) const {
  // The largest power of two in the capacity is the largest chunk.
  const auto capacity = static_cast<std::uint64_t>(capacity_);
  return capacity > 0 && order_for(length) < static_cast<std::size_t>(std::bit_width(capacity));
}

std::optional<Range> BuddyRanges::take(Tokens length) {
  const std::size_t wanted = order_for(length);
  std::size_t order = wanted;
  while (order < free_.size() && free_[order].empty()) ++order;
  if (order >= free_.size()) return std::nullopt;
  const std::int64_t start = *free_[order].begin();
  free_[order].erase(free_[order].begin());
  while (order > wanted) {  // keep the lower half, free the upper
    --order;
    free_[order].insert(start + (std::int64_t{1} << order));
  }
  return Range{Tokens(start), Tokens(std::int64_t{1} << wanted)};
}

void BuddyRanges::give_back(Range range) {
  std::size_t order = order_for(range.length);
  std::int64_t start = range.start.value();
  // Top-level chunks lie largest first, so every chunk is aligned to its size and its buddy is one
  // bit away; a buddy that is not free (or not there) is simply not found.
  for (;; ++order) {
    const std::int64_t buddy = start ^ (std::int64_t{1} << order);
    const auto found = free_[order].find(buddy);
    if (found == free_[order].end()) break;
    free_[order].erase(found);
    start = std::min(start, buddy);
  }
  KVSIM_CHECK(free_[order].insert(start).second, "a range is given back once");
}

Tokens BuddyRanges::count_free() const {
  Tokens sum;
  for (std::size_t order = 0; order < free_.size(); ++order)
    sum += Tokens(std::int64_t{1} << order) * std::ssize(free_[order]);
  return sum;
}

}  // namespace kvsim
