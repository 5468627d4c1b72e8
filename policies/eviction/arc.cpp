// ARC: LRU among what was used once and among what was used again; ghosts of both, entries evicted
// not long ago, tell which deserves more room.
// Source: Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003.
// Deviation: entries in use count for neither side.

#include "policies/eviction/ghosted.h"
#include "policies/eviction/queued.h"

namespace kvsim {
namespace {

class Arc final : public EvictionPolicy {
 public:
  explicit Arc(const Setup& s) : room_(s.entries), once_(s), again_(s), entries_(s.entries) {}

  void insert(const CacheEntry& entry) override {
    const bool used = !entries_.admit(entry) || entries_.uses(entry.id) > 0;
    (used || wanted_back(entry) ? again_ : once_).insert(entry);
  }
  void erase(const CacheEntry& entry) override {
    GhostedLru& side = once_.contains(entry.id) ? once_ : again_;
    side.erase(entry);
    if (entries_.dismiss(entry)) side.remember(entry);
  }
  [[nodiscard]] EntryId victim() override {
    const bool once = once_.size() > 0 && (once_.size() > target_ || again_.size() == 0);
    return entries_.leave((once ? once_ : again_).oldest());
  }

 private:
  bool wanted_back(const CacheEntry& entry) {
    const std::size_t ones = once_.ghosts(), twos = again_.ghosts();
    const bool once = once_.recall(entry);
    if (once) target_ = std::min(room_, target_ + std::max<std::size_t>(1, twos / ones));
    if (once || !again_.recall(entry)) return once;
    target_ -= std::min(target_, std::max<std::size_t>(1, ones / twos));
    return true;
  }
  std::size_t room_, target_ = 0;  // entries in all, and those that once_ deserves
  GhostedLru once_, again_;
  QueuedEntries entries_;
};

const Registered<EvictionPolicy, Arc> kArc{
    "arc", "LRU within used once and used again; their shares are learned from ghosts."};

}  // namespace
}  // namespace kvsim
