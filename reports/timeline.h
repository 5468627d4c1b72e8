#pragma once
// Timeline: the state of the whole deployment at a fixed simulated interval (reports/sampled.h).
//
// Values are sums over the replicas. What prints it: timeline_csv.

#include <vector>

#include "reports/sampled.h"
#include "sim/model/observer.h"

namespace kvsim {

class Timeline final : public Bystander {
 public:
  static constexpr std::size_t kMostRows = 10'000;  ///< And one: the end of the run.

  struct State {
    std::int64_t running = 0, waiting = 0;
    MemoryUse memory;
    std::int64_t queries = 0, hits = 0, preemptions = 0;  ///< Since the start of the run.
    /// Share of the memory held: vllm:kv_cache_usage_perc.
    [[nodiscard]] double usage() const;
  };

  /// Requires an even `most_rows`.
  explicit Timeline(Duration interval = std::chrono::milliseconds(10),
                    std::size_t most_rows = kMostRows)
      : samples_(interval, most_rows) {}

  /// In order of time. Complete after on_end.
  [[nodiscard]] const std::vector<Sampled<State>::Row>& rows() const { return samples_.rows(); }

  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  /// Follows the request's on_arrival at once.
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_hand_over(Time now, const Request& r, ReplicaId from, ReplicaId to) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_step(const StepRecord& step) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_memory(Time now, ReplicaId where, const MemoryUse& memory) override;
  void on_end(Time now) override;
  void on_down(Time now, ReplicaId where) override;
  void on_retry(Time now, const Sequence& s, ReplicaId where) override;
  void on_route(Time now, const Request& r, ReplicaId where) override;

 private:
  struct Load {
    std::int64_t running = 0, waiting = 0;
    MemoryUse memory;
  };
  /// Changes the load of one replica (none: of those who wait for one), and the sums with it.
  template <class Change>
  void change(Time now, ReplicaId where, Change&& to);

  std::vector<Load> loads_{1};  // who waits for a replica, then by replica
  ReplicaId last_arrival_;      ///< Where the newest request was sent.
  Sampled<State> samples_;
};

}  // namespace kvsim
