#pragma once
// A doubly linked list of dense ids whose links live in one preallocated array.
//
// Every operation is O(1) and none allocates. An id is in the list at most once.
// One slot of the array is the sentinel, so front/back need no branches (see ns-3 and LevelDB's
// util/cache.cc for the same circular-list idea over pointers). Zeros mean "not in the list", so
// what is never listed is never touched.

#include <cstdint>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/units.h"
#include "sim/core/zero_pages.h"

namespace kvsim {

template <class IdType>
class IndexList {
 public:
  /// A list that can hold the ids 0 .. capacity-1.
  explicit IndexList(std::size_t capacity) : links_(capacity + kFirst) {
    links_[kEnd] = {kEnd, kEnd};
  }

  [[nodiscard]] bool empty() const { return links_[kEnd].next == kEnd; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return links_.size() - kFirst; }
  [[nodiscard]] bool contains(IdType id) const { return links_[slot(id)].next != kUnlinked; }
  /// Requires !empty(), as do back() and the steps of a walk.
  [[nodiscard]] IdType front() const { return id_at(links_[kEnd].next); }
  [[nodiscard]] IdType back() const { return id_at(links_[kEnd].prev); }
  /// The id after `id`, or an invalid one at the end and of an id that is not in the list: `for (i
  /// = front_or_none(); i.valid(); ...)`.
  [[nodiscard]] IdType next(IdType id) const { return or_none(links_[slot(id)].next); }
  [[nodiscard]] IdType front_or_none() const { return or_none(links_[kEnd].next); }

  void push_back(IdType id) { link(slot(id), links_[kEnd].prev, kEnd); }
  void push_front(IdType id) { link(slot(id), kEnd, links_[kEnd].next); }
  void erase(IdType id) {
    KVSIM_CHECK(contains(id), "id is in the list");
    Link& link = links_[slot(id)];
    links_[link.prev].next = link.next;
    links_[link.next].prev = link.prev;
    link = {};
    --size_;
  }
  /// Erases `id` if it is in the list.
  void discard(IdType id) {
    if (contains(id)) erase(id);
  }

 private:
  static constexpr std::uint32_t kUnlinked = 0;
  static constexpr std::uint32_t kEnd = 1;    // the sentinel's slot
  static constexpr std::uint32_t kFirst = 2;  // the slot of id 0
  struct Link {
    std::uint32_t prev = kUnlinked;
    std::uint32_t next = kUnlinked;
  };
  static std::uint32_t slot(IdType id) { return id.index + kFirst; }
  static IdType id_at(std::uint32_t at) { return IdType{at - kFirst}; }
  static IdType or_none(std::uint32_t at) { return at < kFirst ? IdType{} : id_at(at); }
  void link(std::uint32_t at, std::uint32_t prev, std::uint32_t next) {
    KVSIM_CHECK(links_[at].next == kUnlinked, "an id is in the list once");
    links_[at] = {prev, next};
    links_[prev].next = links_[next].prev = at;
    ++size_;
  }
  std::vector<Link, ZeroPages<Link>> links_;
  std::size_t size_ = 0;
};

}  // namespace kvsim
