// Optimal: MIN. Gives up what is wanted again latest: the bound on what any order could hit.
// Memory is shared with running sequences; a block just freed competes with the others and goes
// first if it is wanted latest, which is MIN with bypass. In a run it bounds the hits of requests
// admitted in this order: what more hits would change in the timing is not foreseen.
// Source: Belady, IBM Systems Journal 5(2), 1966; Mattson et al., IBM Systems Journal 9(2), 1970.

#include <queue>

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto soonness(const CacheEntry& e) { return ~e.last_used; }  // where insert() puts the next use

class Optimal final : public EvictionPolicy {
 public:
  explicit Optimal(const Setup& setup)
      : future_(setup.known_future()), heap_(setup), held_(setup.entries) {}

  void insert(const CacheEntry& entry) override {
    CacheEntry& held = held_[entry.id.index] = entry;
    held.last_used = future_.next_use(entry);
    heap_.insert(held);
    if (held.last_used != Future::kNever) awaiting_.emplace(held.last_used, entry.id);
  }
  void erase(const CacheEntry& entry) override { heap_.erase(entry); }
  [[nodiscard]] EntryId victim() override {
    // Whoever was passed by (a prompt's last block is computed even if it is cached) waits anew.
    while (!awaiting_.empty() && future_.passed(awaiting_.top().first)) {
      const auto [use, id] = awaiting_.top();
      awaiting_.pop();
      const CacheEntry held = held_[id.index];
      if (!heap_.contains(id) || held.last_used != use) continue;
      erase(held);
      insert(held);
    }
    return heap_.victim();
  }

 private:
  using Use = std::pair<std::uint64_t, EntryId>;
  Future& future_;
  RankedEviction<soonness> heap_;
  std::vector<CacheEntry> held_;
  std::priority_queue<Use, std::vector<Use>, std::greater<>> awaiting_;
};

const Registered<EvictionPolicy, Optimal> kOptimal{
    "optimal", "Wanted again latest first: the bound that needs to know the future."};

}  // namespace
}  // namespace kvsim
