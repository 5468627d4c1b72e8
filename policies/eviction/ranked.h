#pragma once
// RankedEviction: turns "how much is this entry worth?" into an EvictionPolicy.
//
// A rank is any ordered value (a tuple reads best); the lowest is evicted first. It is read once,
// when the entry becomes evictable, so it must depend only on the CacheEntry. Equal ranks fall back
// to the deeper entry, then the lower id, so that runs repeat exactly.
//
// Ranks mostly come in order: what was used last goes to the end of LRU's queue, and the parent of
// an evicted leaf to its front. So a sorted list takes whoever belongs at one of its ends, O(1);
// who belongs in between waits in a heap beside it, O(log n). Nothing allocates after warm-up.
// Idea: SGLang's EvictionStrategy.get_priority (python/sglang/srt/mem_cache/evict_policy.py).

#include <tuple>
#include <utility>
#include <vector>

#include "policies/eviction/indexed_heap.h"
#include "sim/core/index_list.h"
#include "sim/core/zero_pages.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

template <auto Rank>
class RankedEviction final : public EvictionPolicy {
 public:
  explicit RankedEviction(const EvictionPolicy::Setup& setup) : RankedEviction(setup.entries) {}
  explicit RankedEviction(std::size_t entries)
      : sorted_(entries), listed_(entries), others_(entries) {}

  [[nodiscard]] bool empty() const { return sorted_.empty() && others_.empty(); }
  [[nodiscard]] std::size_t size() const { return sorted_.size() + others_.size(); }
  [[nodiscard]] bool contains(EntryId id) const {
    return sorted_.contains(id) || others_.contains(id);
  }

  void insert(const CacheEntry& entry) override {
    const Item item{Rank(entry), ~entry.depth, entry.id};
    if (sorted_.empty() || last() < item) {
      sorted_.push_back(entry.id);
    } else if (item < first()) {
      sorted_.push_front(entry.id);
    } else {
      return others_.push(item);
    }
    listed_[entry.id.index] = item;
  }
  void erase(const CacheEntry& entry) override {
    sorted_.contains(entry.id) ? sorted_.erase(entry.id) : others_.erase(entry.id);
  }
  [[nodiscard]] EntryId victim() override {
    return others_.empty() ? sorted_.front() : least_item().id;
  }
  [[nodiscard]] EntryId after(EntryId entry) const override { return sorted_.next(entry); }
  /// The victim's rank. Requires !empty().
  [[nodiscard]] const auto& least() const { return least_item().rank; }

 private:
  struct Item {
    decltype(Rank(std::declval<const CacheEntry&>())) rank{};
    std::uint32_t shallow = 0;  // complement of depth: deeper sorts first
    EntryId id;
    auto operator<=>(const Item&) const = default;
  };
  [[nodiscard]] const Item& first() const { return listed_[sorted_.front().index]; }
  [[nodiscard]] const Item& last() const { return listed_[sorted_.back().index]; }
  [[nodiscard]] const Item& least_item() const {
    if (others_.empty()) return first();
    if (sorted_.empty()) return others_.top();
    return std::min(first(), others_.top());
  }

  IndexList<EntryId> sorted_;
  std::vector<Item, ZeroPages<Item>> listed_;  // of those in the list, by id
  IndexedHeap<Item> others_;
};

/// The order of LRU, whatever the order of insertion.
inline auto last_use(const CacheEntry& e) { return e.last_used; }
using LruOrder = RankedEviction<last_use>;

}  // namespace kvsim
