// Workload-aware: gives up what is least likely to be used again soon, going by its class: how
// important its users are, and the turn of the conversation. Within a class reuse is taken to come
// after an exponential time, so the least recently used is the least likely; between classes
// decides the chance of reuse within an evicted entry's usual idle time. All learned on the way.
// Source: Wang et al., "KVCache Cache in the Wild", USENIX ATC 2025. Deviation: turns from the
// third on are one class, and priorities stand for the service's kinds of requests.

#include <map>

#include "policies/eviction/ranked.h"
#include "policies/eviction/reuse_odds.h"

namespace kvsim {
namespace {

class WorkloadAware final : public EvictionPolicy {
 public:
  explicit WorkloadAware(const Setup& setup) : entries_(setup.entries), odds_(9) {}

  void insert(const CacheEntry& entry) override {
    classes_.try_emplace(class_of(entry), entries_).first->second.insert(entry);
    now_ = std::max(now_, entry.last_used);
  }
  void erase(const CacheEntry& entry) override {
    classes_.at(class_of(entry)).erase(entry);
    const bool evicted = entry.id == std::exchange(leaving_, EntryId{});
    odds_.saw(class_of(entry), evicted, static_cast<double>(now_ - entry.last_used));
  }
  [[nodiscard]] EntryId victim() override {
    std::tuple<double, std::uint64_t, EntryId> least{2, 0, {}};  // chance, last use, entry
    for (auto& [c, order] : classes_) {
      if (order.empty()) continue;
      const double chance = odds_.chance(c, static_cast<double>(now_ - order.least()));
      least = std::min(least, {chance, order.least(), order.victim()});
    }
    return leaving_ = std::get<EntryId>(least);
  }

 private:
  static std::size_t class_of(const CacheEntry& e) {
    return 3 * std::min(e.turn, 2U) + (e.priority < 0 ? 0U : e.priority == 0 ? 1U : 2U);
  }
  std::size_t entries_;
  std::map<std::size_t, LruOrder> classes_;  // those that have been seen
  ReuseOdds odds_;
  std::uint64_t now_ = 0;
  EntryId leaving_;
};

const Registered<EvictionPolicy, WorkloadAware> kWorkloadAware{
    "workload-aware", "Least likely to be used again soon, by request class and turn."};

}  // namespace
}  // namespace kvsim
