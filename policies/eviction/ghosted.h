#pragma once
// GhostedLru: an LRU order that remembers whom it gave up: half of an ARC.

#include "policies/eviction/ghosts.h"
#include "policies/eviction/ranked.h"

namespace kvsim {

class GhostedLru {
 public:
  explicit GhostedLru(const EvictionPolicy::Setup& setup)
      : entries_(setup), ghosts_(setup.entries), room_(setup.entries) {}

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t ghosts() const { return ghosts_.size(); }
  [[nodiscard]] bool contains(EntryId id) const { return entries_.contains(id); }
  void insert(const CacheEntry& entry) { entries_.insert(entry); }
  void erase(const CacheEntry& entry) { entries_.erase(entry); }
  [[nodiscard]] EntryId oldest() { return entries_.victim(); }
  /// `entry`, erased before, is evicted. Entries and ghosts together never outnumber the pool.
  void remember(const CacheEntry& entry) {
    ghosts_.remember(entry.content);
    while (ghosts_.size() > 0 && size() + ghosts_.size() > room_) ghosts_.forget_oldest();
  }
  /// It was given up not long ago, and is back.
  [[nodiscard]] bool recall(const CacheEntry& entry) { return ghosts_.recall(entry.content); }

 private:
  LruOrder entries_;
  Ghosts ghosts_;
  std::size_t room_;
};

}  // namespace kvsim
