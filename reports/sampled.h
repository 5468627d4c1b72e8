#pragma once
// Sampled: a state that changes now and then, written down at a fixed simulated interval.
//
// A row says what held at its instant, after everything that happened then. Memory is bounded: when
// the rows run out, every second one is dropped and the interval doubles, so a long run is sampled
// coarser, and always the same way. The last row is the end of the run.

#include <utility>
#include <vector>

#include "sim/core/check.h"
#include "sim/core/units.h"

namespace kvsim {

template <class State>
class Sampled {
 public:
  struct Row {
    Time at{};
    State state;
  };

  /// Requires an even `most_rows`; the end of the run is one more.
  Sampled(Duration interval, std::size_t most_rows, State initial = {})
      : interval_(interval), most_rows_(most_rows), in_force_(std::move(initial)) {
    KVSIM_CHECK(interval.count() > 0 && most_rows > 0 && most_rows % 2 == 0,
                "an interval, and a number of rows that can be halved");
  }

  /// What is in force from `now` on, for the caller to change. Requires that time does not go back.
  /// The first call is the first row.
  State& from(Time now) {
    if (!started_) origin_ = now;
    started_ = true;
    for (Time at = next(); at < now; at = next()) {
      rows_.push_back({at, in_force_});
      if (rows_.size() == most_rows_) thin_out();
    }
    return in_force_;
  }
  /// The last row. Nothing comes after it.
  void end(Time now) {
    const State& last = from(now);
    rows_.push_back({now, last});
  }

  /// In order of time. Complete after end().
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  [[nodiscard]] Time next() const {
    return origin_ + interval_ * static_cast<std::int64_t>(rows_.size());
  }
  void thin_out() {
    for (std::size_t i = 0; 2 * i < rows_.size(); ++i) std::swap(rows_[i], rows_[2 * i]);
    rows_.resize(rows_.size() / 2);
    interval_ *= 2;
  }

  Duration interval_;
  std::size_t most_rows_;
  bool started_ = false;
  Time origin_{};
  State in_force_;
  std::vector<Row> rows_;
};

}  // namespace kvsim
