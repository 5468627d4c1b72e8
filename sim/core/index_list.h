#pragma once
// A doubly linked list of dense ids whose links live in one preallocated array.
//
// Every operation is O(1) and none allocates. An id is in the list at most once.
// The array's last slot is the sentinel, so front/back need no branches (see ns-3 and LevelDB's
// util/cache.cc for the same circular-list idea over pointers).

#include <cstdint>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/units.h"

namespace kvsim {

template <class IdType>
class IndexList {
 public:
  /// A list that can hold the ids 0 .. capacity-1.
  explicit IndexList(std::size_t capacity)
      : links_(capacity + 1), end_(static_cast<std::uint32_t>(capacity)) {
    links_[end_] = {end_, end_};
  }

  [[nodiscard]] bool empty() const { return links_[end_].next == end_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return end_; }
  [[nodiscard]] bool contains(IdType id) const { return links_[id.index].next != kUnlinked; }
  /// Requires !empty(), as do back() and the steps of a walk.
  [[nodiscard]] IdType front() const { return IdType{links_[end_].next}; }
  [[nodiscard]] IdType back() const { return IdType{links_[end_].prev}; }
  /// The id after `id`, or an invalid one at the end: `for (i = front_or_none(); i.valid(); ...)`.
  [[nodiscard]] IdType next(IdType id) const { return or_none(links_[id.index].next); }
  [[nodiscard]] IdType front_or_none() const { return or_none(links_[end_].next); }

  void push_back(IdType id) { link(id.index, links_[end_].prev, end_); }
  void push_front(IdType id) { link(id.index, end_, links_[end_].next); }
  void erase(IdType id) {
    KVSIM_CHECK(contains(id), "id is in the list");
    const Link link = links_[id.index];
    links_[link.prev].next = link.next;
    links_[link.next].prev = link.prev;
    links_[id.index] = {};
    --size_;
  }
  /// Erases `id` if it is in the list.
  void discard(IdType id) {
    if (contains(id)) erase(id);
  }

 private:
  static constexpr std::uint32_t kUnlinked = 0xffff'ffff;
  struct Link {
    std::uint32_t prev = kUnlinked;
    std::uint32_t next = kUnlinked;
  };
  [[nodiscard]] IdType or_none(std::uint32_t at) const {
    return at == end_ ? IdType{} : IdType{at};
  }
  void link(std::uint32_t at, std::uint32_t prev, std::uint32_t next) {
    KVSIM_CHECK(links_[at].next == kUnlinked, "an id is in the list once");
    links_[at] = {prev, next};
    links_[prev].next = links_[next].prev = at;
    ++size_;
  }
  std::vector<Link> links_;
  std::uint32_t end_;
  std::size_t size_ = 0;
};

}  // namespace kvsim
