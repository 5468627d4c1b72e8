// SIEVE: a hand goes round a queue from the oldest entry to the youngest, and gives up the first
// that was not used since it last passed. Nothing ever moves; entries in use are stepped over.
// Source: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU", NSDI 2024.

#include "policies/eviction/queued.h"

namespace kvsim {
namespace {

class Sieve final : public EvictionPolicy {
 public:
  explicit Sieve(const Setup& setup) : queue_(setup.entries), entries_(setup.entries) {}

  void insert(const CacheEntry& entry) override {
    if (!entries_.admit(entry)) return;
    if (queue_.contains(entry.id)) leave_queue(entry.id);  // gone while it was in use
    queue_.push_back(entry.id);
  }
  void erase(const CacheEntry& entry) override {
    if (entries_.dismiss(entry)) leave_queue(entry.id);
  }
  [[nodiscard]] EntryId victim() override {
    for (;; hand_ = queue_.next(hand_)) {
      if (!hand_.valid()) hand_ = queue_.front();
      if (!entries_.evictable(hand_)) continue;
      if (entries_.uses(hand_) == 0) return entries_.leave(hand_);
      entries_.forgive(hand_, 0);
    }
  }

 private:
  void leave_queue(EntryId id) {
    if (hand_ == id) hand_ = queue_.next(id);
    queue_.erase(id);
  }
  IndexList<EntryId> queue_;  // oldest first
  QueuedEntries entries_;
  EntryId hand_;
};

const Registered<EvictionPolicy, Sieve> kSieve{
    "sieve", "Oldest first, sparing once what was used since the hand last passed."};

}  // namespace
}  // namespace kvsim
