#include "workloads/arrivals.h"

#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include <boost/random/gamma_distribution.hpp>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

using Settings = const ConfigView&;

double rate_of(Settings config) { return config.number("/workload/arrivals/rate"); }

// -ln U of U in (0, 1]: exponential with mean 1.
double exponential(Rng& rng) { return -std::log1p(-rng.uniform()); }

class Poisson final : public Arrivals {
 public:
  Poisson(Settings config, std::uint64_t seed) : rng_(seed, "arrivals"), rate_(rate_of(config)) {}

 private:
  double next_after(double now) override { return now + exponential(rng_) / rate_; }
  Rng rng_;
  double rate_;
};

class Constant final : public Arrivals {
 public:
  Constant(Settings config, std::uint64_t /*seed*/) : rate_(rate_of(config)) {}

 private:
  // The first arrives at 0. Counting keeps the sum of a million gaps exact.
  double next_after(double /*now*/) override { return static_cast<double>(count_++) / rate_; }
  double rate_;
  std::int64_t count_ = 0;
};

// Gaps of mean 1/rate and the asked coefficient of variation: shape 1/cv^2.
class Gamma final : public Arrivals {
 public:
  Gamma(Settings config, std::uint64_t seed)
      : rng_(seed, "arrivals"),
        gap_(std::pow(config.number("/workload/arrivals/cv"), -2.0), 1.0),
        mean_of_gap_(gap_.alpha()),
        rate_(rate_of(config)) {}

 private:
  double next_after(double now) override { return now + gap_(rng_) / (mean_of_gap_ * rate_); }
  Rng rng_;
  boost::random::gamma_distribution<double> gap_;
  double mean_of_gap_;
  double rate_;
};

// Squared coefficient of variation of a Weibull law, in its shape: G(1+2/k)/G(1+1/k)^2 - 1. In
// logarithms, for the gamma function is huge where k is small.
double weibull_squared_cv(double shape) {
  return std::exp(std::lgamma(1 + 2 / shape) - 2 * std::lgamma(1 + 1 / shape)) - 1;
}

// The shape with a given cv; the cv falls as the shape grows, so halving intervals finds it.
double weibull_shape(double cv) {
  double low = 0.05;
  double high = 200;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (weibull_squared_cv(middle) > cv * cv ? low : high) = middle;
  }
  return low;
}

class Weibull final : public Arrivals {
 public:
  Weibull(Settings config, std::uint64_t seed)
      : rng_(seed, "arrivals"),
        shape_(weibull_shape(config.number("/workload/arrivals/cv"))),
        scale_(1 / (rate_of(config) * std::tgamma(1 + 1 / shape_))) {}

 private:
  double next_after(double now) override {
    return now + scale_ * std::pow(exponential(rng_), 1 / shape_);
  }
  Rng rng_;
  double shape_;
  double scale_;
};

// A Poisson process whose rate is at most peak_ times its mean: candidates come at the peak rate
// and each is kept with the share of it that holds at its time.
class Changing : public Arrivals {
 public:
  Changing(Settings config, std::uint64_t seed)
      : rng_(seed, "arrivals"),
        rate_(rate_of(config)),
        peak_(config.number("/workload/arrivals/peak")),
        period_(config.number("/workload/arrivals/period_s")) {}

 protected:
  /// Rate over mean rate, at a place in the period from 0 to 1.
  [[nodiscard]] virtual double relative_rate(double phase) const = 0;
  [[nodiscard]] double peak() const { return peak_; }

 private:
  double next_after(double now) final {
    do {
      now += exponential(rng_) / (rate_ * peak_);
    } while (rng_.uniform() * peak_ >= relative_rate(std::fmod(now / period_, 1.0)));
    return now;
  }
  Rng rng_;
  double rate_;
  double peak_;
  double period_;
};

// All arrivals fall in the first 1/peak of each period.
class Burst final : public Changing {
  using Changing::Changing;
  double relative_rate(double phase) const override { return phase * peak() < 1 ? peak() : 0; }
};

// One sine wave per period, from its mean upwards.
class Diurnal final : public Changing {
 public:
  Diurnal(Settings config, std::uint64_t seed) : Changing(config, seed) {
    if (peak() > 2)
      config.fail("/workload/arrivals/peak", "diurnal rates swing around their mean: at most 2");
  }

 private:
  double relative_rate(double phase) const override {
    return 1 + (peak() - 1) * std::sin(2 * std::numbers::pi * phase);
  }
};

class AtOnce final : public Arrivals {
 public:
  AtOnce(Settings /*config*/, std::uint64_t /*seed*/) {}

 private:
  double next_after(double now) override { return now; }
};

using Maker = std::function<std::unique_ptr<Arrivals>(Settings, std::uint64_t)>;

template <class Process>
std::unique_ptr<Arrivals> make(Settings config, std::uint64_t seed) {
  return std::make_unique<Process>(config, seed);
}

const std::map<std::string, Maker, std::less<>>& processes() {
  static const std::map<std::string, Maker, std::less<>> table{
      {"at-once", make<AtOnce>},  {"burst", make<Burst>}, {"constant", make<Constant>},
      {"diurnal", make<Diurnal>}, {"gamma", make<Gamma>}, {"poisson", make<Poisson>},
      {"weibull", make<Weibull>}};
  return table;
}

std::vector<std::string> process_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : processes()) names.push_back(name);
  return names;
}

const DeclaredFields kFields{
    word_field("/workload/arrivals/process", "null", "arrival process", process_names,
               "How requests (sessions, where there are any) arrive. Generated workloads: poisson "
               "unless set. Traces: their own times unless set; at-once if they have none."),
    number_field("/workload/arrivals/rate", "1", "arrivals/s", 1e-6, 1e6, "Mean arrival rate."),
    number_field("/workload/arrivals/cv", "1", "", 0.01, 20,
                 "gamma, weibull: coefficient of variation of the gaps; 1 is Poisson."),
    number_field("/workload/arrivals/peak", "2", "", 1, 1000,
                 "burst, diurnal: highest rate over mean rate. Bursts fill 1/peak of a period."),
    number_field("/workload/arrivals/period_s", "60", "s", 1e-3, 1e7,
                 "burst, diurnal: length of one cycle."),
};

}  // namespace

std::unique_ptr<Arrivals> make_arrivals(const ConfigView& config, std::uint64_t seed,
                                        std::string_view fallback) {
  const std::string pointer = "/workload/arrivals/process";
  const std::string name = config.has(pointer) ? config.text(pointer) : std::string(fallback);
  if (name.empty()) return nullptr;
  return processes().find(name)->second(config, seed);
}

}  // namespace kvsim
