#pragma once
// RankedEviction: turns "how much is this entry worth?" into an EvictionPolicy.
//
// A rank is any ordered value (a tuple reads best); the lowest is evicted first. It is read once,
// when the entry becomes evictable, so it must depend only on the CacheEntry. Equal ranks fall back
// to the deeper entry, then the lower id, so that runs repeat exactly.
// An indexed binary heap: insert, erase and victim cost O(log n); nothing allocates after warm-up.
// Idea: SGLang's EvictionStrategy.get_priority (python/sglang/srt/mem_cache/evict_policy.py).

#include <tuple>
#include <utility>
#include <vector>

#include "sim/core/check.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

template <auto Rank>
class RankedEviction final : public EvictionPolicy {
 public:
  explicit RankedEviction(const EvictionPolicy::Setup& setup) : where_(setup.entries, kAbsent) {}

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] bool contains(EntryId id) const { return where_[id.index] != kAbsent; }

  void insert(const CacheEntry& entry) override {
    KVSIM_CHECK(!contains(entry.id), "an entry is inserted once");
    where_[entry.id.index] = heap_.size();
    heap_.push_back({Rank(entry), ~entry.depth, entry.id});
    sift_up(heap_.size() - 1);
  }
  void erase(const CacheEntry& entry) override {
    const std::size_t hole = where_[entry.id.index];
    KVSIM_CHECK(hole != kAbsent, "only evictable entries are erased");
    where_[entry.id.index] = kAbsent;
    const Item last = std::move(heap_.back());
    heap_.pop_back();
    if (hole == heap_.size()) return;
    heap_[hole] = last;
    where_[last.id.index] = hole;
    sift_up(hole);
    sift_down(where_[last.id.index]);
  }
  [[nodiscard]] EntryId victim() override { return heap_.front().id; }
  /// The victim's rank. Requires !empty().
  [[nodiscard]] const auto& least() const { return heap_.front().rank; }

 private:
  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);
  struct Item {
    decltype(Rank(std::declval<const CacheEntry&>())) rank{};
    std::uint32_t shallow = 0;  // complement of depth: deeper sorts first
    EntryId id;
    auto operator<=>(const Item&) const = default;
  };
  void swap_at(std::size_t a, std::size_t b) {
    std::swap(heap_[a], heap_[b]);
    where_[heap_[a].id.index] = a;
    where_[heap_[b].id.index] = b;
  }
  void sift_up(std::size_t at) {
    for (; at > 0 && heap_[at] < heap_[(at - 1) / 2]; at = (at - 1) / 2) swap_at(at, (at - 1) / 2);
  }
  void sift_down(std::size_t at) {
    for (std::size_t kid = 2 * at + 1; kid < heap_.size(); kid = 2 * at + 1) {
      if (kid + 1 < heap_.size() && heap_[kid + 1] < heap_[kid]) ++kid;
      if (!(heap_[kid] < heap_[at])) return;
      swap_at(at, kid);
      at = kid;
    }
  }
  std::vector<Item> heap_;
  std::vector<std::size_t> where_;  // entry -> heap slot
};

/// The order of LRU, whatever the order of insertion.
inline auto last_use(const CacheEntry& e) { return e.last_used; }
using LruOrder = RankedEviction<last_use>;

}  // namespace kvsim
