#pragma once
// Slab: objects behind dense, reused ids, at addresses that never move.
//
// take() and give_back() are O(1); an object keeps its own storage (vectors' capacity) from one use
// to the next, so a warmed-up simulation allocates nothing per request. The most recently returned
// id is handed out first: ids stay dense and caches stay warm.

#include <cstdint>
#include <deque>
#include <vector>

#include "sim/core/check.h"

namespace kvsim {

template <class T, class IdType>
class Slab {
 public:
  [[nodiscard]] IdType take() {
    if (free_.empty()) {
      items_.emplace_back();
      return IdType{static_cast<std::uint32_t>(items_.size() - 1)};
    }
    const IdType id = free_.back();
    free_.pop_back();
    return id;
  }
  /// The object stays constructed: whoever takes the id next resets it.
  void give_back(IdType id) { free_.push_back(id); }

  [[nodiscard]] T& operator[](IdType id) { return items_[id.index]; }
  [[nodiscard]] const T& operator[](IdType id) const { return items_[id.index]; }
  /// Ids ever handed out run 0 .. size()-1; live() of them are out now.
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t live() const { return items_.size() - free_.size(); }

 private:
  std::deque<T> items_;
  std::vector<IdType> free_;
};

}  // namespace kvsim
