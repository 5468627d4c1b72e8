#pragma once
// A request that ended: what requests.csv and requests.jsonl print. reports/README.md
// says what each field means.

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/model/observer.h"

namespace kvsim {

struct EndedRequest {
  std::uint64_t id = 0;
  std::optional<std::uint64_t> session;
  std::uint32_t turn = 0;
  std::int32_t priority = 0;
  double arrival_s = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0, hit_tokens = 0;
  std::string_view reason;  ///< Why it was rejected or lost; empty: it completed.
  bool lost = false;
  std::optional<double> queue_ms, ttft_ms, tpot_ms, e2e_ms;
  std::int64_t preemptions = 0, recomputed_tokens = 0;

  [[nodiscard]] std::string_view status() const {
    if (lost) return "lost";
    return reason.empty() ? "completed" : "rejected";
  }
};

[[nodiscard]] EndedRequest rejected_row(const Request& r, Rejection why);
/// Requires that `s` finished at `now`.
[[nodiscard]] EndedRequest completed_row(Time now, const Sequence& s);
/// With the replica that `s` was on.
[[nodiscard]] EndedRequest lost_row(const Sequence& s);
/// "too_long", "too_large", "queue_full", "tokens_full" or "over_rate".
[[nodiscard]] std::string_view name_of(Rejection why);

}  // namespace kvsim
