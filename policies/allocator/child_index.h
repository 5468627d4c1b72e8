#pragma once
// ChildIndex: hash -> node, for "which child of this node starts with this page?".
//
// Open addressing with linear probing; erasing shifts the rest of the run back, so there are no
// tombstones (Knuth, TAOCP 3, 6.4, Algorithm R). All operations are O(1) expected. It cannot be
// iterated, so hash order never reaches a result; a hash collision is resolved by the caller's
// `same`, so it never goes unnoticed. Allocates only when it outgrows its table.

#include <cstdint>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/units.h"

namespace kvsim {

class ChildIndex {
 public:
  ChildIndex() { slots_.resize(kSmallest); }

  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    for (Slot& slot : slots_) slot = {};
    size_ = 0;
  }
  /// The entry under `hash` for which same(id) holds; an invalid id if there is none.
  template <class Same>
  [[nodiscard]] EntryId find(std::uint64_t hash, Same same) const {
    for (std::size_t at = home(hash); slots_[at].id.valid(); at = next(at)) {
      if (slots_[at].hash == hash && same(slots_[at].id)) return slots_[at].id;
    }
    return {};
  }
  void insert(std::uint64_t hash, EntryId id) {
    if (2 * ++size_ > slots_.size()) grow();
    place({hash, id});
  }
  /// Requires that `old` is here under `hash`, as erase() does.
  void replace(std::uint64_t hash, EntryId old, EntryId id) { slots_[slot_of(hash, old)].id = id; }
  void erase(std::uint64_t hash, EntryId id) {
    std::size_t hole = slot_of(hash, id);
    for (std::size_t at = next(hole); slots_[at].id.valid(); at = next(at)) {
      // An entry may move into the hole unless its home lies between the hole and itself.
      if (distance(home(slots_[at].hash), at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

 private:
  static constexpr std::size_t kSmallest = 64;  // a power of two, as every size is
  struct Slot {
    std::uint64_t hash = 0;
    EntryId id;
  };
  [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
    return (to - from) & (slots_.size() - 1);
  }
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash, EntryId id) const {
    std::size_t at = home(hash);
    while (slots_[at].id != id) {
      KVSIM_CHECK(slots_[at].id.valid(), "the entry is in the index");
      at = next(at);
    }
    return at;
  }
  void place(const Slot& slot) {
    std::size_t at = home(slot.hash);
    while (slots_[at].id.valid()) at = next(at);
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id.valid()) place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace kvsim
