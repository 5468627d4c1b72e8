#pragma once
// AgedEviction: worth plus age. An entry's rank is what it is worth when it becomes evictable, on
// top of the rank of the entry given up last, so that worth earned long ago counts less and less.
//
// O(log n), whole numbers only.
// Source: Young, "The k-server dual and loose competitiveness for paging", Algorithmica 11, 1994
// (GreedyDual); Cao and Irani, USITS 1997 (the running offset instead of subtracting from all).

#include "policies/eviction/ranked.h"

namespace kvsim {

template <auto Worth>
class AgedEviction final : public EvictionPolicy {
 public:
  explicit AgedEviction(const Setup& setup) : heap_(setup) {}

  void insert(const CacheEntry& entry) override {
    CacheEntry ranked = entry;
    ranked.created = offset_ + Worth(entry);
    heap_.insert(ranked);
  }
  void erase(const CacheEntry& entry) override { heap_.erase(entry); }
  [[nodiscard]] EntryId victim() override {
    offset_ = std::get<0>(heap_.least());
    return heap_.victim();
  }

 private:
  static auto rank_then_age(const CacheEntry& e) { return std::tuple(e.created, e.last_used); }
  RankedEviction<rank_then_age> heap_;
  std::uint64_t offset_ = 0;
};

}  // namespace kvsim
