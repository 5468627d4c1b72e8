#pragma once
// stdout for the result, stderr for a progress bar: what a terminal needs to know.

#include <chrono>
#include <string_view>

#include "sim/engine/experiment.h"

namespace kvsim {

/// Writes to stdout and makes sure it arrived; throws InputError if it did not (disk full).
void print_result(std::string_view text);

/// stdout is a terminal and NO_COLOR is not set (no-color.org).
[[nodiscard]] bool colour_wanted();

/// A bar on stderr, if that is a terminal and the work takes longer than a second; gone when done.
class ProgressBar {
 public:
  ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();
  void show(double share);
  /// Empty where there is nobody to look, so that a run need not call it.
  [[nodiscard]] Progress callback();

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point next_;  ///< Not drawn before.
};

}  // namespace kvsim
