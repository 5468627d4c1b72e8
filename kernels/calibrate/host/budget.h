#pragma once
// Budget: the seconds a calibration may take, by a clock that a test can wind.

#include <functional>

namespace kvsim::calibrate {

class Budget {
 public:
  using Seconds = std::function<double()>;

  /// The budget starts now, as `clock` has it.
  Budget(double seconds, Seconds clock)
      : seconds_(seconds), clock_(std::move(clock)), start_(clock_()) {}

  [[nodiscard]] double spent() const { return clock_() - start_; }
  [[nodiscard]] double left() const { return seconds_ - spent(); }
  /// Is there time for work of so many seconds, and to write down its result?
  [[nodiscard]] bool allows(double seconds) const { return left() >= seconds + kToWrite; }

  /// Set aside for the fit and the file.
  static constexpr double kToWrite = 5;

 private:
  double seconds_;
  Seconds clock_;
  double start_;
};

/// The monotonic clock of this machine.
[[nodiscard]] double steady_seconds();

}  // namespace kvsim::calibrate
