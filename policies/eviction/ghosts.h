#pragma once
// Ghosts: names of contents that were evicted, the latest so many. No contents, only names.
//
// A queue of names and an index into it; all O(1), nothing allocates after warm-up.

#include "sim/core/flat_map.h"
#include "sim/core/hash.h"
#include "sim/core/index_list.h"

namespace kvsim {

class Ghosts {
 public:
  explicit Ghosts(std::size_t most) : order_(most), names_(most) {
    for (std::size_t slot = most; slot-- > 0;)
      free_.push_back(SlotId{static_cast<std::uint32_t>(slot)});
  }
  [[nodiscard]] std::size_t size() const { return names_.size() - free_.size(); }

  /// `content` is the latest ghost. Forgets the oldest if there are too many.
  void remember(std::uint64_t content) {
    (void)recall(content);
    if (free_.empty()) forget_oldest();
    const SlotId slot = free_.back();
    free_.pop_back();
    names_[slot.index] = key(content);
    by_name_.insert(names_[slot.index], slot);
    order_.push_back(slot);
  }
  /// Was `content` there? Then it is no more.
  [[nodiscard]] bool recall(std::uint64_t content) {
    const SlotId slot = by_name_.find(key(content));
    if (slot.valid()) drop(slot);
    return slot.valid();
  }
  /// Requires size() > 0.
  void forget_oldest() { drop(order_.front()); }

 private:
  using SlotId = Id<struct GhostTag>;
  static Key128 key(std::uint64_t content) { return {mix64(content), content}; }
  void drop(SlotId slot) {
    by_name_.erase(names_[slot.index]);
    order_.erase(slot);
    free_.push_back(slot);
  }
  IndexList<SlotId> order_;
  std::vector<Key128> names_;
  std::vector<SlotId> free_;
  FlatMap<SlotId> by_name_;
};

}  // namespace kvsim
