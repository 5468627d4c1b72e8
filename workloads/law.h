#pragma once
// A law that lengths, turns or pauses are drawn from, as a config states it.
//
// Every draw takes exactly two uniform numbers from its stream, whatever the law, so changing one
// law never shifts what another draws.

#include <string>
#include <vector>

#include "sim/core/config_schema.h"
#include "sim/core/config_view.h"
#include "sim/core/rng.h"

namespace kvsim {

class Law {
 public:
  /// Reads the fields below `prefix`, as declared by law_fields().
  Law(const ConfigView& config, const std::string& prefix);

  /// Within [min, max].
  [[nodiscard]] double draw(Rng& rng) const;
  /// To the nearest whole number.
  [[nodiscard]] std::int64_t draw_whole(Rng& rng) const;
  /// True if every draw gives `value`.
  [[nodiscard]] bool always(double value) const;

 private:
  enum class Kind { kConstant, kUniform, kExponential, kGeometric, kLognormal, kZipf, kEmpirical };
  [[nodiscard]] double sample(double u, double v) const;
  void read_table(const ConfigView& config, const std::string& prefix);

  static Kind kind_of(const std::string& name);
  friend std::vector<std::string> law_names();

  Kind kind_;
  double mean_, cv_, low_, high_;
  double mu_ = 0;                   ///< lognormal: of the logarithm.
  double sigma_ = 0;                ///< lognormal: of the logarithm.
  std::vector<double> values_;      ///< zipf, empirical: what can come, and ...
  std::vector<double> cumulative_;  ///< ... the probability of it or an earlier one.
};

/// The numbers 0 .. n-1 with probability proportional to 1/(rank+1)^exponent, as cumulative sums.
[[nodiscard]] std::vector<double> zipf_table(std::size_t n, double exponent);
/// The first place in `cumulative` (which ends in 1) above `u` in [0, 1).
[[nodiscard]] std::size_t pick(const std::vector<double>& cumulative, double u);

/// What a law's fields start from.
struct LawDefaults {
  std::string law, mean, max;
  double low;   ///< Smallest value that makes sense.
  double high;  ///< Largest.
};

/// Declares `prefix`/law, /mean, /cv, /min, /max, /exponent and /values.
[[nodiscard]] DeclaredFields law_fields(const std::string& prefix, const std::string& unit,
                                        const std::string& what, const LawDefaults& defaults);

}  // namespace kvsim
