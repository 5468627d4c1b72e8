#pragma once
// Distribution: durations in, mean and percentiles out, in memory that does not grow with the run.
//
// Buckets are a fixed number per power of two (the idea of HdrHistogram), so a percentile is off by
// at most 1 part in 4096; mean, standard deviation, count and maximum are exact. A bucket remembers
// the largest value it saw and answers with that, so distributions of few distinct values come out
// exact. Integers only: the same samples give the same answers in any order and on any machine.
// Cost: a few nanoseconds per sample; a power of two's buckets are allocated when first hit.

#include <array>
#include <cstdint>
#include <vector>

#include "sim/core/units.h"
#include "sim/model/report.h"

namespace kvsim {

class Distribution {
 public:
  /// Requires value >= 0.
  void add(Duration value, std::int64_t times = 1);
  [[nodiscard]] std::int64_t count() const { return count_; }
  /// In milliseconds. Percentiles by nearest rank.
  [[nodiscard]] Quantiles summary() const;

 private:
  static constexpr unsigned kBits = 12;
  __extension__ using Square = unsigned __int128;
  struct Bucket {
    std::int64_t count = 0;
    std::int64_t largest = 0;
  };
  [[nodiscard]] std::int64_t at_rank(std::int64_t rank) const;
  [[nodiscard]] double deviation() const;  ///< In nanoseconds, of the whole population.

  std::array<std::vector<Bucket>, 64> octaves_;  // by the number's bit width
  std::int64_t count_ = 0;
  std::int64_t max_ = 0;
  __extension__ __int128 sum_ = 0;
  // Sum of the squares, of up to 126 bits each, by halves: squares_[0] + squares_[1] * 2^64.
  std::array<Square, 2> squares_{};
};

/// Shares (0 to 1) weighted by how long they lasted. Percentiles to 1 part in 10,000.
class ShareOverTime {
 public:
  void add(double share, Duration lasted);
  /// `count` is 1 if anything was added; the mean is over time.
  [[nodiscard]] Quantiles summary() const;

 private:
  static constexpr std::size_t kSteps = 10000;
  [[nodiscard]] double at(double part) const;
  std::vector<std::int64_t> lasted_ = std::vector<std::int64_t>(kSteps + 1);
  std::int64_t total_ = 0;
  double weighted_ = 0;
  double max_ = 0;
};

}  // namespace kvsim
