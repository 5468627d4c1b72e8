#pragma once
// FlatMap: 128-bit hash -> dense id.
//
// Keys are already hashes, so they are used as their own hash, and all 128 bits are compared: two
// keys that agree in 64 bits are still told apart. Never shrinks. There is deliberately no
// iteration: order would leak hashing into results.

#include <cstdint>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/id_index.h"

namespace kvsim {

struct Key128 {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  friend constexpr bool operator==(const Key128&, const Key128&) = default;
};

template <class IdType>
class FlatMap {
 public:
  [[nodiscard]] std::size_t size() const { return index_.size(); }

  /// The id stored under `key`, or an invalid one.
  [[nodiscard]] IdType find(Key128 key) const {
    return index_.find(key.lo, [&](IdType id) { return keys_[id.index] == key; });
  }
  /// Requires that `key` is absent, and `id` valid and under no other key.
  void insert(Key128 key, IdType id) {
    keep(key, id);
    index_.insert(key.lo, id);
  }
  /// From now on `id`, which is under no other key, is under `key`, which is present.
  void replace(Key128 key, IdType id) {
    KVSIM_CHECK(index_.replace(key.lo, find(key), id), "the key is present");
    keep(key, id);
  }
  /// Requires that `key` is present.
  void erase(Key128 key) { KVSIM_CHECK(index_.erase(key.lo, find(key)), "the key is present"); }

 private:
  void keep(Key128 key, IdType id) {
    if (id.index >= keys_.size()) keys_.resize(id.index + 1);
    keys_[id.index] = key;
  }

  std::vector<Key128> keys_;  // by id
  IdIndex<IdType> index_;
};

}  // namespace kvsim
