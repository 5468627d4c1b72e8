#pragma once
// --slo: what a fleet must keep, as "ttft_p99=2s,tpot_p99=50ms" or "ttft=2s,tpot=50ms,goodput=95%".
//
// NAME_STATISTIC=DURATION is about all requests. NAME=DURATION is what one request must meet, and
// goodput the share of requests that must meet all of those (DistServe, OSDI 2024).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/core/config_view.h"

namespace kvsim {

struct SloGoal {
  enum class Metric : std::uint8_t { kTtft, kTpot, kItl, kE2e, kGoodput };
  std::string name;  ///< "ttft_p99".
  Metric metric = Metric::kTtft;
  std::optional<double> quantile;  ///< 0 to 1; none: the mean, or goodput.
  double limit = 0;                ///< Milliseconds at most; of goodput the share at least.

  [[nodiscard]] bool is_goodput() const { return metric == Metric::kGoodput; }
  [[nodiscard]] bool met_by(double value) const {
    return is_goodput() ? value >= limit : value <= limit;
  }
  /// 1 at the limit, less where there is room: the value over the limit, of goodput the share of
  /// bad requests over those allowed.
  [[nodiscard]] double used_by(double value) const;
  /// How many of `n` samples may lie beyond the limit. Falls never as n grows. Not for means.
  [[nodiscard]] std::int64_t allowed_late(std::int64_t n) const;
};

/// What one request must meet: a field of the config's /slo, in ms.
struct RequestObjective {
  std::string pointer;
  double ms = 0;
};

struct Slo {
  std::vector<SloGoal> goals;  ///< At least one, in the order they were said.
  std::vector<RequestObjective> objectives;
};

/// Throws InputError("--slo", TERM, ...).
[[nodiscard]] Slo parse_slo(std::string_view text);

/// Writes the objectives into `config`. Throws InputError where they and goodput come without each
/// other.
void set_objectives(const Slo& slo, ConfigView& config);

}  // namespace kvsim
