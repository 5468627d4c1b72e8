#pragma once
// Losses: the log of evictions from the cache and of preemptions, of which a run may have millions.
//
// Kept of each: how many there were, the first, the last, and the worst.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "sim/model/observer.h"

namespace kvsim {

/// The first, the last and the worst of a stream of rows; of equally bad ones the first.
/// Row::worse_than(Row) orders them.
template <class Row>
class Excerpt {
 public:
  static constexpr std::size_t kMost = 40;  ///< Of each.

  void add(const Row& row) {
    ++count_;
    if (first_.size() < kMost) first_.push_back(row);
    last_.push_back(row);
    if (last_.size() > kMost) last_.pop_front();
    if (worst_.size() == kMost && !row.worse_than(worst_.back())) return;
    const auto worse = [](const Row& a, const Row& b) { return a.worse_than(b); };
    worst_.insert(std::upper_bound(worst_.begin(), worst_.end(), row, worse), row);
    if (worst_.size() > kMost) worst_.pop_back();
  }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] const std::vector<Row>& first() const { return first_; }
  [[nodiscard]] const std::deque<Row>& last() const { return last_; }
  [[nodiscard]] const std::vector<Row>& worst() const { return worst_; }

 private:
  std::int64_t count_ = 0;
  std::vector<Row> first_, worst_;
  std::deque<Row> last_;
};

class Losses final : public Bystander {
 public:
  struct Evicted {
    Time at{};
    ReplicaId where;
    Eviction what;
    /// Was it reused more?
    [[nodiscard]] bool worse_than(const Evicted& other) const {
      return what.entry.hits > other.what.entry.hits;
    }
  };
  struct Preempted {
    Time at{};
    ReplicaId where;
    std::uint64_t request = 0;
    Tokens prompt, generated;
    Tokens computed;          ///< The most it ever had: what it may have to compute again.
    std::uint32_t times = 0;  ///< That it was preempted, this one included.
    [[nodiscard]] bool worse_than(const Preempted& other) const {
      return computed > other.computed;
    }
  };

  Excerpt<Evicted> evictions;
  Excerpt<Preempted> preemptions;
  std::int64_t evicted_tokens = 0;
  std::int64_t followed = 0;  ///< Evictions that another one took along.

  [[nodiscard]] bool watches_evictions() const override { return true; }
  void on_evict(Time now, const Eviction& gone, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
};

}  // namespace kvsim
