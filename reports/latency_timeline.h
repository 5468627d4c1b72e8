#pragma once
// LatencyTimeline: how vLLM's latency histograms filled up, at a fixed simulated interval.
//
// Buckets and the instants of observation are vLLM V1's (vllm/v1/metrics/loggers.py): a first token
// and a gap between tokens when they come, queueing and end-to-end latency when a request ends.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "reports/sampled.h"
#include "sim/model/observer.h"

namespace kvsim {

class LatencyTimeline final : public Bystander {
 public:
  enum Kind : std::size_t { kFirstToken, kInterToken, kEndToEnd, kQueue };
  struct Family {
    std::string_view name;  ///< vLLM's: "vllm:time_to_first_token_seconds".
    std::string_view help;
    std::span<const int> bounds_ms;  ///< Upper bounds of the buckets, ascending; then +Inf.
  };
  /// By Kind.
  [[nodiscard]] static std::span<const Family> families();

  struct Histogram {
    static constexpr std::size_t kMostBuckets = 23;
    std::array<std::int64_t, kMostBuckets> counts{};  ///< Per bucket; the one after bounds is +Inf.
    Duration sum{};
  };
  using State = std::array<Histogram, 4>;  ///< By Kind; since the start of the run.

  /// Requires an even `most_rows`.
  LatencyTimeline(Duration interval, std::size_t most_rows) : samples_(interval, most_rows) {}
  /// In order of time. Complete after on_end.
  [[nodiscard]] const std::vector<Sampled<State>::Row>& rows() const { return samples_.rows(); }

  void on_tokens(Time now, std::int64_t count, Duration gap, ReplicaId where) override;
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_token(Time now, const Sequence& s) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_end(Time now) override;

 private:
  void observe(Time now, Kind kind, Duration value, std::int64_t times = 1);
  Sampled<State> samples_;
};

}  // namespace kvsim
