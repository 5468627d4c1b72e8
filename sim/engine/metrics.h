#pragma once
// Metrics: sums a run up, as it goes, into a Report. Memory does not grow with the run.

#include <array>
#include <optional>
#include <vector>

#include "sim/engine/distribution.h"
#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

/// What a request must meet to count as goodput; what is not set does not matter.
struct Objectives {
  std::optional<Duration> ttft, tpot, e2e;
};

/// Counts who met them.
class SloMeter {
 public:
  explicit SloMeter(const Objectives& objectives);
  /// A request completed.
  void add(Duration ttft, Duration tpot, Duration e2e);
  [[nodiscard]] std::int64_t good() const { return counts_.good; }
  /// Nothing if there are no objectives.
  [[nodiscard]] std::optional<SloReport> summary() const;

 private:
  Objectives objectives_;
  SloReport counts_;
};

/// How memory was spent over time, summed over replicas.
class MemoryMeter {
 public:
  explicit MemoryMeter(std::size_t replicas) : last_(replicas) {}
  /// From `now` on replica `where` spends its memory like this.
  void change(Time now, ReplicaId where, const MemoryUse& use);
  void end(Time now);
  void summarise(Report::Kv& kv) const;

 private:
  struct Last {
    Time since{};
    MemoryUse use;
    bool known = false;
  };
  void close(Last& last, Time now);

  std::vector<Last> last_;  // by replica
  ShareOverTime utilization_;
  ShareOverTime usage_;
  // Token-seconds: integrals of MemoryUse over time.
  double used_ = 0, reserved_ = 0, internal_ = 0, external_ = 0, cached_ = 0, capacity_ = 0;
  Tokens peak_used_;
  Tokens peak_held_;
  Tokens held_at_end_;
};

class Metrics final : public Bystander {
 public:
  Metrics(std::size_t replicas, const Objectives& objectives)
      : slo_(objectives), memory_(replicas) {}

  void on_tokens(Time now, std::int64_t count, Duration gap, ReplicaId where) override;
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_fork(Time now, const Sequence& s, Tokens shared, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_step(const StepRecord& step) override;
  void on_token(Time now, const Sequence& s) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_memory(Time now, ReplicaId where, const MemoryUse& memory) override;
  void on_end(Time now) override;
  void on_retry(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;
  void on_load_failed(Time now, const Sequence& s, ReplicaId where) override;

  /// Fills every part of the report that is measured here.
  void summarise(Report& report) const;

 private:
  SloMeter slo_;
  MemoryMeter memory_;
  Distribution ttft_, tpot_, itl_, e2e_, queue_;
  Report::Requests requests_;
  std::array<std::int64_t, kRejections> rejected_{};  ///< By reason.
  std::int64_t lost_ = 0, retries_ = 0;
  FailedLoads failed_loads_;
  std::int64_t preemptions_ = 0, recomputed_ = 0, computed_ = 0;
  std::int64_t prompt_tokens_ = 0, output_tokens_ = 0;
  std::int64_t steps_ = 0, max_running_ = 0, max_waiting_ = 0;
  double running_seconds_ = 0;  ///< Integral of running sequences over the steps.
  double busy_seconds_ = 0;
  std::optional<Time> first_arrival_;
  Time end_{};
};

}  // namespace kvsim
