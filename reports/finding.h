#pragma once
// What a gate found out about one figure: kept, crossed, or better than it had to be.

#include <cstdint>
#include <optional>
#include <string>

namespace kvsim {

struct Finding {
  enum class Outcome : std::uint8_t { kKept, kCrossed, kBetter };
  std::string figure;           ///< "ttft_ms p(95)"
  std::string rule;             ///< "p(95)<200", "baseline 120.7 +2%".
  std::optional<double> value;  ///< Nothing: nothing was measured.
  double limit = 0;             ///< What it is compared to: the threshold, the baseline's value.
  Outcome outcome = Outcome::kKept;
};

/// Up to six decimals, none that are zero: "120.7".
[[nodiscard]] std::string number_text(double value);
/// By how much value and limit differ: "+12.3 (+8.1 %)".
[[nodiscard]] std::string distance_text(double value, double limit);

}  // namespace kvsim
