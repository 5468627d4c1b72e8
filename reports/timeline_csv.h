#pragma once
// timeline.csv: the state of the whole deployment, sampled at a fixed simulated interval.
//
// Columns carry the names of vLLM's Prometheus metrics where it has one; values are sums over the
// replicas. A row says what held at its instant, after everything that happened then. Memory is
// bounded: when the rows run out, every second one is dropped and the interval doubles, so a long
// run is sampled coarser, and always the same way. The last row is the end of the run.

#include <vector>

#include "reports/atomic_file.h"
#include "sim/model/observer.h"

namespace kvsim {

class TimelineCsv final : public Observer {
 public:
  static constexpr std::size_t kMostRows = 10'000;  ///< And one: the end of the run.

  /// Everything goes to `sink` at on_end. Requires an even `most_rows`.
  explicit TimelineCsv(Sink sink, Duration interval = std::chrono::milliseconds(10),
                       std::size_t most_rows = kMostRows);
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  /// Follows the request's on_arrival at once.
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_step(const StepRecord& step) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_memory(Time now, ReplicaId where, const MemoryUse& memory) override;
  void on_end(Time now) override;

 private:
  struct Load {
    std::int64_t running = 0, waiting = 0;
    MemoryUse memory;
  };
  struct Row {
    Load load;
    std::int64_t queries = 0, hits = 0, preemptions = 0;  ///< Since the start of the run.
  };
  /// Writes down the rows that lie before `now`; what is in force held for all of them.
  void advance(Time now);
  void thin_out();
  /// The load of one replica, out of the sums until put_back() adds it again.
  Load& take_out(ReplicaId where);
  void put_back(const Load& load);
  void write_row(Time at, const Row& row, std::string& text) const;

  Sink sink_;
  Duration interval_;
  std::size_t most_rows_;
  bool started_ = false;
  Time origin_{};  ///< Of the first thing that happened; row i is i intervals later.
  std::vector<Load> replicas_;
  ReplicaId last_arrival_;  ///< Where the newest request was sent.
  Row now_;                 ///< In force.
  std::vector<Row> rows_;
};

}  // namespace kvsim
