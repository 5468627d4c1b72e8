#pragma once
// QueuedEntries: places in a queue that survive use. For policies whose hits move nothing (SIEVE,
// S3-FIFO): an entry in use is not evictable, but when it comes back it stands where it stood.
//
// Whether it came back or is another one under the same id, its `created` tells. All O(1).

#include <algorithm>
#include <vector>

#include "sim/core/index_list.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

class QueuedEntries {
 public:
  explicit QueuedEntries(std::size_t entries) : places_(entries) {}

  /// The entry is evictable. True if it is new here, and not one that was in use.
  bool admit(const CacheEntry& entry) {
    Place& place = places_[entry.id.index];
    const bool fresh = place.created != entry.created;
    // A tree counts the insert itself as a use; a parent may have been used before it came here.
    if (fresh) place = {entry.created, entry.hits, std::min(entry.hits, 1U), true};
    place.hits = entry.hits;
    place.evictable = true;
    return fresh;
  }
  /// It is in use, or gone. True if it is gone: it was the last that leave() named.
  bool dismiss(const CacheEntry& entry) {
    Place& place = places_[entry.id.index];
    place.evictable = false;
    const bool gone = entry.id == leaving_;
    if (gone) place.created = kNobody;
    leaving_ = {};
    return gone;
  }
  [[nodiscard]] EntryId leave(EntryId id) { return leaving_ = id; }

  [[nodiscard]] bool evictable(EntryId id) const { return places_[id.index].evictable; }
  /// Uses since the last forgive(), or since it came.
  [[nodiscard]] std::uint32_t uses(EntryId id) const {
    return places_[id.index].hits - places_[id.index].forgiven;
  }
  /// Leaves it `left` uses. Requires no more than uses().
  void forgive(EntryId id, std::uint32_t left) {
    places_[id.index].forgiven = places_[id.index].hits - left;
  }

 private:
  static constexpr std::uint64_t kNobody = ~std::uint64_t{0};
  struct Place {
    std::uint64_t created = kNobody;
    std::uint32_t hits = 0;
    std::uint32_t forgiven = 0;  // of them, those that have had their effect
    bool evictable = false;
  };
  std::vector<Place> places_;
  EntryId leaving_;
};

}  // namespace kvsim
