#pragma once
// IndexedHeap: the least of a set of items that have dense ids, any of which may leave by its id.
//
// A binary heap that knows where each id stands. What moves is a hole, not pairs of items.
// push and erase cost O(log n), top O(1); nothing allocates after warm-up.
// Source: Williams, "Algorithm 232: Heapsort", Communications of the ACM 7(6), 1964.

#include <utility>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/units.h"
#include "sim/core/zero_pages.h"

namespace kvsim {

/// Items are ordered by `<`, no two are equal, and each has an `id`.
template <class Item>
class IndexedHeap {
 public:
  /// For the ids 0 .. ids-1, each at most once at a time.
  explicit IndexedHeap(std::size_t ids) : where_(ids) {}

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] bool contains(EntryId id) const { return where_[id.index] > 0; }
  /// The least. Requires !empty().
  [[nodiscard]] const Item& top() const { return heap_.front(); }

  void push(const Item& item) {
    KVSIM_CHECK(!contains(item.id), "an id is in the heap once");
    heap_.push_back(item);
    rise(heap_.size() - 1, item);
  }
  void erase(EntryId id) {
    KVSIM_CHECK(contains(id), "the id is in the heap");
    const std::size_t hole = std::exchange(where_[id.index], 0) - 1;
    const Item last = heap_.back();
    heap_.pop_back();
    if (hole == heap_.size()) return;
    const bool up = hole > 0 && last < heap_[(hole - 1) / 2];
    up ? rise(hole, last) : sink(hole, last);
  }

 private:
  void put(std::size_t at, const Item& item) {
    heap_[at] = item;
    where_[item.id.index] = static_cast<std::uint32_t>(at) + 1;
  }
  // Both find where `item` belongs, from a hole on.
  void rise(std::size_t hole, const Item& item) {
    for (; hole > 0 && item < heap_[(hole - 1) / 2]; hole = (hole - 1) / 2)
      put(hole, heap_[(hole - 1) / 2]);
    put(hole, item);
  }
  void sink(std::size_t hole, const Item& item) {
    for (std::size_t kid = 2 * hole + 1; kid < heap_.size(); kid = 2 * hole + 1) {
      if (kid + 1 < heap_.size() && heap_[kid + 1] < heap_[kid]) ++kid;
      if (!(heap_[kid] < item)) break;
      put(hole, heap_[kid]);
      hole = kid;
    }
    put(hole, item);
  }

  std::vector<Item> heap_;
  // By id its place in the heap, from 1; 0: it is not there.
  std::vector<std::uint32_t, ZeroPages<std::uint32_t>> where_;
};

}  // namespace kvsim
