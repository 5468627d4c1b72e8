#pragma once
// Latencies: how a run's latencies are distributed, coarse enough to draw (reports/html).
//
// Buckets are 32 to the power of two (the idea of HdrHistogram): an edge is at most 1/32 above what
// fell below it, and memory does not grow with the run. Exact figures are the summary's.

#include <cstdint>
#include <vector>

#include "sim/model/observer.h"

namespace kvsim {

class Histogram {
 public:
  struct Bar {
    double upto_ms = 0;  ///< Its samples are at most that long.
    std::int64_t count = 0;
  };
  /// Requires value >= 0.
  void add(Duration value, std::int64_t times = 1);
  /// From short to long; empty buckets are left out.
  [[nodiscard]] std::vector<Bar> bars() const;

 private:
  std::vector<std::int64_t> counts_;
};

/// The same measures as in the summary (reports/README.md), of the same samples.
class Latencies final : public Bystander {
 public:
  Histogram ttft, tpot, itl, e2e, queue;

  void on_tokens(Time now, std::int64_t count, Duration gap, ReplicaId where) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_fork(Time now, const Sequence& s, Tokens shared, ReplicaId where) override;
  void on_token(Time now, const Sequence& s) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
};

}  // namespace kvsim
