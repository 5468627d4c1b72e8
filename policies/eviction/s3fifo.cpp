// S3-FIFO: newcomers prove themselves in a small queue, a tenth of the cache; what was used twice
// there, or comes back soon after it went, joins the main queue, where every use buys another
// round. Who is in use when its turn comes joins the main queue when it is back.
// Source: Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction", SOSP
// 2023.

#include "policies/eviction/ghosts.h"
#include "policies/eviction/queued.h"

namespace kvsim {
namespace {

class S3Fifo final : public EvictionPolicy {
 public:
  explicit S3Fifo(const Setup& setup)
      : small_(setup.entries), main_(small_), entries_(setup.entries), ghosts_(setup.entries) {}

  void insert(const CacheEntry& entry) override {
    const bool fresh = entries_.admit(entry);
    if (fresh) drop(entry.id);  // another one that was gone while it was in use
    if (small_.contains(entry.id) || main_.contains(entry.id)) return;
    (!fresh || ghosts_.recall(entry.content) ? main_ : small_).push_back(entry.id);
  }
  void erase(const CacheEntry& entry) override {
    if (!entries_.dismiss(entry)) return;
    if (small_.contains(entry.id)) ghosts_.remember(entry.content);
    drop(entry.id);
  }
  [[nodiscard]] EntryId victim() override {
    for (;;) {
      const bool small = 10 * small_.size() >= small_.capacity() || main_.empty();
      const EntryId id = (small ? small_ : main_).front();
      const bool here = entries_.evictable(id);
      if (here && entries_.uses(id) < (small ? 2U : 1U)) return entries_.leave(id);
      drop(id);
      if (here) main_.push_back(id);
      if (here && !small) entries_.forgive(id, std::min(entries_.uses(id), 3U) - 1);
    }
  }

 private:
  void drop(EntryId id) { small_.discard(id), main_.discard(id); }
  IndexList<EntryId> small_, main_;  // oldest first
  QueuedEntries entries_;
  Ghosts ghosts_;
};

const Registered<EvictionPolicy, S3Fifo> kS3Fifo{
    "s3fifo", "Three FIFO queues: newcomers on probation, the proven, and ghosts."};

}  // namespace
}  // namespace kvsim
