#pragma once
// SloWatch: how a run does on its SLO, while it goes on.
//
// A request that is turned away, or not done when the run ends, misses every goal: it counts as one
// that took for ever. So the values are those of summary.json where none is lost. A run is hopeless
// as soon as more samples are late than may be at its end, which only the number of requests
// decides: what a prefix of the run has shown, the rest cannot take back.

#include <array>
#include <limits>
#include <vector>

#include "sim/cli/plan/slo.h"
#include "sim/engine/distribution.h"
#include "sim/model/observer.h"

namespace kvsim {

/// The most samples that a run can have; what is not known is not limited.
struct MostSamples {
  static constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();
  std::int64_t requests = kUnknown;
  std::int64_t gaps = kUnknown;  ///< Between tokens of one request.
};

class SloWatch final : public Bystander {
 public:
  /// `config` holds the objectives of a request, in /slo.
  SloWatch(const Slo& slo, const ConfigView& config, MostSamples most);

  void on_tokens(Time now, std::int64_t count, Duration gap, ReplicaId where) override;
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_token(Time now, const Sequence& s) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_end(Time now) override;

  /// Number of a goal that is missed whatever comes now; nothing while all may still be met.
  [[nodiscard]] std::optional<std::size_t> missed() const { return missed_; }
  /// Arrived so far.
  [[nodiscard]] std::int64_t arrived() const { return arrived_; }
  /// Of every goal, in its unit; infinite if lost requests decide it. After the run.
  [[nodiscard]] std::vector<double> values() const;

 private:
  struct Goal {
    SloGoal goal;
    std::int64_t allowed_late = 0;  // of the most samples there can be
    std::int64_t late = 0;
    __extension__ __int128 sum_ns = 0;  // of means
    double most_sum_ms = 0;
  };
  void judge(std::size_t goal);
  void sample(SloGoal::Metric metric, Duration value, std::int64_t times = 1);
  void judge_request(bool good);
  void lose();
  [[nodiscard]] double value(const SloGoal& goal) const;

  std::vector<Goal> goals_;
  std::optional<Duration> ttft_, tpot_, e2e_;  // objectives of a request
  std::array<Distribution, 4> samples_;        // by metric
  std::int64_t arrived_ = 0, ended_ = 0, good_ = 0;
  std::optional<std::size_t> missed_;
};

}  // namespace kvsim
