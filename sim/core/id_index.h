#pragma once
// IdIndex: hash -> dense id, for whoever keeps the keys by id already.
//
// Open addressing with a fixed stride; a slot is eight bytes: the id and half of its hash. The
// caller says by `same` which id it means, so a collision never goes unnoticed. Hashes whose low
// bits are neighbours lie side by side: a chain of block keys is walked along cache lines
// (sim/model/block_keys.h). So that such runs do not pile up where they meet, the next slot to try
// is not the neighbour but kStride away. Erasing shifts later entries back, so there are no
// tombstones (Knuth, TAOCP 3, 6.4, Algorithm R). All operations are O(1) expected. It cannot be
// iterated, so hash order never reaches a result. Allocates only when it outgrows its table.

#include <cstdint>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

template <class IdType>
class IdIndex {
 public:
  IdIndex() { slots_.resize(kSmallest); }

  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    for (Slot& slot : slots_) slot = {};
    size_ = 0;
  }
  /// The id under `hash` for which same(id) holds; an invalid one if there is none.
  template <class Same>
  [[nodiscard]] IdType find(std::uint64_t hash, Same same) const {
    for (std::size_t at = home(hash); slots_[at].id.valid(); at = next(at))
      if (slots_[at].hash == kept(hash) && same(slots_[at].id)) return slots_[at].id;
    return {};
  }
  /// `hash` will be asked for soon: starts bringing its slot into the cache. Changes nothing.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[home(hash)]); }
  void insert(std::uint64_t hash, IdType id) {
    (void)find_or_insert(hash, id, [](IdType) { return false; });
  }
  /// What find() says; `id` is under `hash` now if that is nothing.
  template <class Same>
  [[nodiscard]] IdType find_or_insert(std::uint64_t hash, IdType id, Same same) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    std::size_t at = home(hash);
    for (; slots_[at].id.valid(); at = next(at))
      if (slots_[at].hash == kept(hash) && same(slots_[at].id)) return slots_[at].id;
    slots_[at] = {kept(hash), id};
    ++size_;
    return {};
  }
  /// False, and nothing happens, unless `old` is here under `hash`; so does erase().
  [[nodiscard]] bool replace(std::uint64_t hash, IdType old, IdType id) {
    Slot& slot = slots_[slot_of(hash, old)];
    if (!slot.id.valid()) return false;
    slot.id = id;
    return true;
  }
  [[nodiscard]] bool erase(std::uint64_t hash, IdType id) {
    std::size_t hole = slot_of(hash, id);
    if (!slots_[hole].id.valid()) return false;
    for (std::size_t at = next(hole); slots_[at].id.valid(); at = next(at)) {
      // An entry may move into the hole unless its home lies between the hole and itself.
      if (steps(home(slots_[at].hash), at) < steps(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
    return true;
  }

 private:
  static constexpr std::size_t kSmallest = 64;  // a power of two, as every size is
  // Odd, so that it leads to every slot; and what undoes it: their product is 1 modulo 2^64.
  static constexpr std::size_t kStride = 9;
  static constexpr std::size_t kUndo = 0x8e38e38e38e38e39;
  static_assert(kStride * kUndo == 1);

  struct Slot {
    std::uint32_t hash = 0;
    IdType id;
  };
  static std::uint32_t kept(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
  [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  [[nodiscard]] std::size_t next(std::size_t at) const {
    return (at + kStride) & (slots_.size() - 1);
  }
  // How often next() leads from one slot to the other.
  [[nodiscard]] std::size_t steps(std::size_t from, std::size_t to) const {
    return ((to - from) * kUndo) & (slots_.size() - 1);
  }
  // Where `id` is under `hash`, or would be.
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash, IdType id) const {
    std::size_t at = home(hash);
    while (slots_[at].id.valid() && slots_[at].id != id) at = next(at);
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
    for (const Slot& slot : old)
      if (slot.id.valid()) place(slot);
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace kvsim
