#pragma once
// FlatMap: 128-bit hash -> dense id, open addressing with linear probing.
//
// Keys are already hashes, so they are used as their own hash, and all 128 bits are compared: two
// keys that agree in 64 bits are still told apart. Erase shifts the run back (no tombstones). The
// table doubles when it is 5/8 full and never shrinks. There is deliberately no iteration: order
// would leak hashing into results.

#include <bit>
#include <cstdint>
#include <vector>

#include "sim/core/check.h"

namespace kvsim {

struct Key128 {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  friend constexpr bool operator==(const Key128&, const Key128&) = default;
};

template <class IdType>
class FlatMap {
 public:
  FlatMap() : slots_(kFirstSize), mask_(kFirstSize - 1) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  /// The id stored under `key`, or an invalid one.
  [[nodiscard]] IdType find(Key128 key) const {
    for (std::size_t at = home(key);; at = (at + 1) & mask_)
      if (!slots_[at].id.valid() || slots_[at].key == key) return slots_[at].id;
  }
  /// `key` will be asked for soon: starts bringing its slot into the cache. Changes nothing.
  void prefetch(Key128 key) const { __builtin_prefetch(&slots_[home(key)]); }
  /// Requires that `key` is absent and `id` valid.
  void insert(Key128 key, IdType id) {
    if (8 * (size_ + 1) > 5 * slots_.size()) grow();
    place(key, id);
    ++size_;
  }
  /// Requires that `key` is present.
  void replace(Key128 key, IdType id) { slots_[slot_of(key)].id = id; }
  /// Requires that `key` is present.
  void erase(Key128 key) {
    std::size_t hole = slot_of(key);
    for (std::size_t at = (hole + 1) & mask_; slots_[at].id.valid(); at = (at + 1) & mask_) {
      if (((at - home(slots_[at].key)) & mask_) < ((at - hole) & mask_)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

 private:
  static constexpr std::size_t kFirstSize = 16;
  struct Slot {
    Key128 key;
    IdType id;
  };
  [[nodiscard]] std::size_t home(Key128 key) const {
    return static_cast<std::size_t>(key.lo) & mask_;
  }
  [[nodiscard]] std::size_t slot_of(Key128 key) const {
    for (std::size_t at = home(key);; at = (at + 1) & mask_) {
      KVSIM_CHECK(slots_[at].id.valid(), "the key is in the map");
      if (slots_[at].key == key) return at;
    }
  }
  void place(Key128 key, IdType id) {
    std::size_t at = home(key);
    while (slots_[at].id.valid()) at = (at + 1) & mask_;
    slots_[at] = {key, id};
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old)
      if (slot.id.valid()) place(slot.key, slot.id);
  }
  std::vector<Slot> slots_;
  std::size_t mask_;
  std::size_t size_ = 0;
};

}  // namespace kvsim
