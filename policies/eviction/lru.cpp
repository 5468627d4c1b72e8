// LRU: give up the entry whose last use is longest ago.
//
// A pool inserts in order of last use, so a list is enough: its front is the victim, O(1). A tree
// may insert a parent long after its last use (when its last child is gone); such latecomers wait
// in a heap beside the list, O(log n).
// Source: the free-block queue of vLLM (vllm/v1/core/kv_cache_utils.py), where this order is fixed.

#include "policies/eviction/ranked.h"
#include "sim/core/index_list.h"

namespace kvsim {
namespace {

class Lru final : public EvictionPolicy {
 public:
  explicit Lru(const Setup& setup)
      : in_order_(setup.entries), used_(setup.entries), latecomers_(setup) {}

  void insert(const CacheEntry& entry) override {
    const bool late = !in_order_.empty() && entry.last_used < used_[in_order_.back().index];
    if (late) return latecomers_.insert(entry);
    used_[entry.id.index] = entry.last_used;
    in_order_.push_back(entry.id);
  }
  void erase(const CacheEntry& entry) override {
    in_order_.contains(entry.id) ? in_order_.erase(entry.id) : latecomers_.erase(entry);
  }
  [[nodiscard]] EntryId victim() override {
    if (latecomers_.empty()) return in_order_.front();
    if (in_order_.empty()) return latecomers_.victim();
    const bool late_is_older = latecomers_.least() < used_[in_order_.front().index];
    return late_is_older ? latecomers_.victim() : in_order_.front();
  }
  [[nodiscard]] EntryId after(EntryId entry) const override { return in_order_.next(entry); }

 private:
  IndexList<EntryId> in_order_;
  std::vector<std::uint64_t> used_;  // last use of what is in the list
  LruOrder latecomers_;
};

const Registered<EvictionPolicy, Lru> kLru{"lru", "Least recently used first; blind to priority."};

}  // namespace
}  // namespace kvsim
