#pragma once
// What a workload looks like: lengths, arrivals, sessions, and how much of it memory could reuse.

#include <cstdint>
#include <map>

#include "sim/model/report.h"
#include "sim/model/workload_source.h"

namespace kvsim {

struct TraceSummary {
  std::int64_t requests = 0;
  std::int64_t sessions = 0;         ///< Different sessions; requests without one do not count.
  std::int64_t longest_session = 0;  ///< Turns.
  double duration_s = 0;             ///< First to last arrival.
  double requests_per_s = 0;         ///< 0 if all arrive at once.
  Quantiles prompt_tokens, output_tokens;           ///< Linear between ranks, as numpy.
  std::map<std::int32_t, std::int64_t> priorities;  ///< Requests of each.

  /// Prefix reuse with memory without end, where each request finishes before the next starts and
  /// answers are not kept.
  struct Reuse {
    std::int64_t block_tokens = 0;
    std::int64_t blocks = 0, block_hits = 0, unique_blocks = 0;
    std::int64_t tokens = 0, token_hits = 0;
    std::int64_t requests_with_hit = 0;
  } reuse;
};

/// Takes all of `source`, each request answered at once. Memory: 16 bytes for every request, and
/// the distinct blocks.
[[nodiscard]] TraceSummary summarise(WorkloadSource& source, std::int64_t block_tokens);

}  // namespace kvsim
