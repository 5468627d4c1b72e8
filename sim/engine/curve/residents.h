#pragma once
// Residents: what a replayed cache holds, block by block, and what it counts on the way.
//
// Resident blocks sit in slots 0 .. capacity-1: those are the entries that the eviction policy
// sees.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/engine/curve/block_trace.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

struct ReplaySetup {
  const BlockTrace& trace;
  std::int64_t capacity = 0;  ///< Blocks, at least 1.
  std::string policy;         ///< A registered eviction policy.
  /// trace.next_requests(), for a policy that knows the future; empty for the others.
  std::span<const std::uint32_t> next;
};

struct ReplayCounts {
  std::int64_t block_hits = 0, token_hits = 0, insertions = 0, evictions = 0;
  /// Sum over the blocks of the square of their misses: what a sample's variance is made of.
  double squared_misses = 0;
};

class Residents final : private Future {
 public:
  explicit Residents(const ReplaySetup& setup);
  Residents(const Residents&) = delete;
  Residents& operator=(const Residents&) = delete;

  [[nodiscard]] bool holds(std::uint32_t block) const {
    return states_[block].slot != BlockTrace::kNone;
  }
  [[nodiscard]] bool full() const { return free_.empty(); }
  /// Somebody could be evicted.
  [[nodiscard]] bool has_victim() const { return offered_ > 0; }
  [[nodiscard]] std::uint32_t victim() { return in_slot_[policy_->victim().index]; }
  /// The next request that wants `block`, which is resident; kNone if none does. Requires
  /// ReplaySetup::next.
  [[nodiscard]] std::uint32_t next(std::uint32_t block) const { return next_[block]; }

  /// The `hits` leading blocks of `request`'s path are found, the others are not.
  void count(std::size_t request, std::size_t hits);
  /// Reference `at` of the whole trace, by `who`, uses `block`, which is resident and not offered.
  void touch(std::uint32_t block, std::uint64_t tick, std::size_t at, BlockTrace::Client who);
  /// The same for a block that is not resident. Requires !full().
  void insert(std::uint32_t block, std::uint64_t tick, std::size_t at, BlockTrace::Client who);
  void offer(std::uint32_t block);
  void withdraw(std::uint32_t block);
  /// Requires that `block` is offered.
  void evict(std::uint32_t block);
  [[nodiscard]] ReplayCounts counts() const;

 private:
  struct State {
    std::uint64_t created = 0, last_used = 0;
    std::uint32_t slot = BlockTrace::kNone;
    std::uint32_t hits = 0;    // while resident
    std::uint32_t misses = 0;  // ever
    BlockTrace::Client user{};
  };
  [[nodiscard]] CacheEntry entry(std::uint32_t block) const;
  void foresee() override;
  [[nodiscard]] std::uint64_t next_use(const CacheEntry& entry) override;
  // The request being served has yet to touch the rest of its path.
  [[nodiscard]] bool passed(std::uint64_t id) const override { return id < now_; }

  const BlockTrace& trace_;
  ConfigView config_;
  std::span<const std::uint32_t> next_of_ref_;
  std::vector<std::uint32_t> next_;  // by block, if the future is known
  std::vector<State> states_;
  std::vector<std::uint32_t> in_slot_;
  std::vector<std::uint32_t> free_;  // slots
  std::unique_ptr<EvictionPolicy> policy_;
  std::int64_t offered_ = 0;
  std::uint64_t now_ = 0;  // the request being served
  ReplayCounts counts_;
};

}  // namespace kvsim
