#pragma once
// When requests (or sessions) arrive: the arrival processes, from /workload/arrivals.
//
// poisson, gamma and weibull draw independent gaps; burst and diurnal are Poisson processes whose
// rate changes over each period, drawn by thinning (Lewis and Shedler, 1979).

#include <memory>
#include <optional>

#include "sim/core/config_view.h"
#include "sim/core/rng.h"
#include "sim/core/units.h"

namespace kvsim {

class Arrivals {
 public:
  virtual ~Arrivals() = default;
  /// Time of the next arrival; never earlier than the last.
  [[nodiscard]] Duration next() { return round_to_ns(now_ = next_after(now_)); }

 protected:
  /// Seconds; `now` is the last arrival, 0 at first.
  [[nodiscard]] virtual double next_after(double now) = 0;

 private:
  double now_ = 0;
};

/// The process that `config` asks for; `fallback` if it names none; null if that is empty too.
[[nodiscard]] std::unique_ptr<Arrivals> make_arrivals(const ConfigView& config, std::uint64_t seed,
                                                      std::string_view fallback);

}  // namespace kvsim
