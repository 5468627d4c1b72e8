#pragma once
// Explanation: why a run cost what it did, as plain values. sim/engine/explain fills it, reports/
// writes it.
//
// Seconds are shares of the steps' time: a step's duration, shared equally among the tokens it
// computes. Of a batch that mixes prompts and decodes that is a convention, not a measurement.

#include <cstdint>
#include <vector>

#include "sim/model/memory_map.h"

namespace kvsim {

struct Explanation {
  /// Tokens that were computed for one reason, and the time they took.
  struct Work {
    std::int64_t tokens = 0;
    double seconds = 0;
  };
  /// Prompt tokens at their requests' first admission. Hits, what was loaded from elsewhere and the
  /// five reasons sum to `queries`.
  std::int64_t queries = 0, hits = 0, loaded = 0;
  Work capacity, in_flight, last_token, granularity, first_seen;
  Work recomputed;  ///< Computed before, and lost to a preemption.

  /// Cached entries in a row, evicted together: of `writer`'s tokens those from `depth` on.
  struct Evicted {
    double at_s = 0;
    std::uint64_t writer = kNoRequest;
    std::int64_t depth = 0, tokens = 0;
    std::uint32_t hits = 0;  ///< Of the most reused one.
    double idle_s = 0;       ///< Since the first one's last use.
    std::uint64_t needed_by = kNoRequest;
    bool followed = false;
    Work wanted;  ///< What later requests computed again, because it was gone.
  };
  std::int64_t evictions = 0, evicted_tokens = 0;
  std::int64_t regretted = 0;            ///< Evictions of which something was wanted again.
  Work regret;                           ///< Of `capacity`, what these evictions explain.
  std::vector<Evicted> worst_evictions;  ///< By seconds.

  /// A piece of a prompt that was evicted and wanted again, over and over.
  struct Piece {
    std::uint64_t request = kNoRequest;  ///< Who asked for it first; these are its tokens:
    std::int64_t first = 0, tokens = 0;
    std::int64_t asked = 0;      ///< Prompts that contain it.
    std::int64_t evictions = 0;  ///< Of entries that lie in it, in part or whole.
    Work wanted;
  };
  std::vector<Piece> worst_pieces;  ///< By seconds.

  struct Preempted {
    double at_s = 0;
    std::uint64_t request = kNoRequest;
    std::int64_t reached = 0;  ///< Tokens it had computed.
    double waited_s = -1;      ///< Until it had memory again; negative: it never had.
    Work recomputed;
  };
  std::int64_t preemptions = 0;
  std::vector<Preempted> worst_preemptions;  ///< By seconds.

  /// Where the time of one completed request went.
  struct Life {
    std::uint64_t request = kNoRequest;
    double queue_s = 0;    ///< Until it first had memory.
    double prefill_s = 0;  ///< From there to its first token.
    double decode_s = 0;   ///< From there to its last.
    std::int64_t preemptions = 0;
    [[nodiscard]] double ttft_s() const { return queue_s + prefill_s; }
    [[nodiscard]] double e2e_s() const { return ttft_s() + decode_s; }
  };
  /// The slowest hundredth of the requests, at least one, by time to first token.
  struct Tail {
    std::int64_t requests = 0;
    Life mean;                ///< Of them.
    Life typical;             ///< Mean of all requests.
    std::vector<Life> worst;  ///< Slowest first.
  };
  Tail tail;

  double step_seconds = 0;  ///< All steps, what the shares above are shares of.
};

}  // namespace kvsim
