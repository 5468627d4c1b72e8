#pragma once
// Report: everything one run has to say, as plain values. Engine fills it, reports/ writes it.
//
// Times are milliseconds, shares 0 to 1. Field names are those of summary.json
// (reports/schema/summary.schema.json), where each is defined.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kvsim {

/// A distribution in a few numbers; `count` 0 means there was nothing to measure (the rest is 0).
struct Quantiles {
  std::int64_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
  std::optional<double> deviation{};  ///< Standard deviation of all values; absent if not exact.
};

/// Guessing tokens ahead; counts as vLLM's vllm:spec_decode_*.
struct SpeculationReport {
  std::int64_t num_drafts = 0;  ///< Times a sequence's guesses were verified.
  std::int64_t num_draft_tokens = 0, num_accepted_tokens = 0;
  double acceptance_rate = 0, mean_acceptance_length = 0;
  std::vector<double> per_position;
};

struct SloTerm {
  double limit_ms = 0;
  std::int64_t missed = 0;  ///< A request may miss several terms.
};
/// What requests had to meet (the config's /slo), and how many of the completed ones did not.
struct SloReport {
  std::optional<SloTerm> ttft, tpot, e2e;  ///< Those that were set.
  std::int64_t good = 0;                   ///< Completed, and met all of them.
};

/// Prompt tokens not found in the pool, but brought from elsewhere: neither hits nor misses.
struct LoadedReport {
  std::int64_t tokens = 0;
};

/// Loads from elsewhere that were under way when what they came from went down.
struct FailedLoads {
  std::int64_t loads = 0;
  std::int64_t tokens = 0;  ///< That they were to bring: computed instead.
};

struct Report {
  struct Provenance {
    std::string version, config_digest, trace_name, trace_format, trace_digest, fingerprint;
    std::uint64_t seed = 0;
    std::string cost_kind, cost_profile;
    double cost_holdout_error = -1;
    std::int64_t cost_steps_outside = 0;
  } provenance;

  struct Requests {
    std::int64_t total = 0, completed = 0, rejected = 0, unfinished = 0;
    std::int64_t rejected_too_long = 0, rejected_too_large = 0;
    std::int64_t skipped_rows = 0;  ///< Rows of the trace that are no requests.
    // By admission control; absent where there is none.
    std::optional<std::int64_t> rejected_queue_full, rejected_tokens_full, rejected_over_rate;
    // With a replica that went down; absent where none can.
    std::optional<std::int64_t> lost, retries;

    /// Those that came and got no whole answer.
    [[nodiscard]] std::int64_t unserved() const { return total - completed; }
  } requests;

  double duration_s = 0;  ///< First arrival to last event.
  struct Throughput {
    double request_per_s = 0, output_tok_per_s = 0, total_tok_per_s = 0, goodput_per_s = 0;
  } throughput;

  std::optional<SloReport> slo;  ///< Absent where nothing was asked.

  Quantiles ttft_ms, tpot_ms, itl_ms, e2e_ms, queue_ms;

  /// What requests of one priority got; completed ones, but for the cache.
  struct Priority {
    std::int64_t priority = 0, completed = 0, query_tokens = 0, hit_tokens = 0;
    double hit_rate = 0;
    Quantiles ttft_ms, tpot_ms, e2e_ms;
  };
  static constexpr std::size_t kPriorityRows = 16;
  std::vector<Priority> by_priority;  ///< Empty where there is one priority, or more than that.

  struct Kv {
    std::int64_t capacity_tokens = 0, block_tokens = 0, capacity_blocks = 0;
    std::int64_t peak_used_tokens = 0;
    std::int64_t peak_held_tokens = 0;
    std::int64_t held_at_end_tokens = 0;
    Quantiles utilization;  ///< used / held: of the memory sequences were given, what holds tokens.
    Quantiles usage;        ///< held / capacity: vllm:kv_cache_usage_perc.
    struct Waste {
      double reserved = 0, internal = 0, external = 0;  ///< Shares of held memory.
    } waste;
    double cached = 0;  ///< Share of capacity holding reusable tokens nobody runs on.
  } kv;

  struct PrefixCache {
    std::int64_t query_tokens = 0, hit_tokens = 0;
    double hit_rate = 0;
    struct Miss {
      std::int64_t first_seen = 0, capacity = 0, granularity = 0, last_token = 0, in_flight = 0;
    } miss;
    std::optional<LoadedReport> loaded;  ///< Absent if nothing was.
    /// What the first, second ... request of a conversation found; the last row counts later ones
    /// too.
    static constexpr std::size_t kTurnRows = 16;
    struct Turn {
      std::int64_t turn = 0, requests = 0, query_tokens = 0, hit_tokens = 0;
      double hit_rate = 0;
    };
    std::vector<Turn> by_turn = {};
  } prefix_cache;

  /// A store of KV behind the pools, over all replicas; `in` is towards the pools.
  struct Tier {
    std::string name;  ///< "host", "disk", "remote".
    std::int64_t capacity_tokens = 0, query_tokens = 0, hit_tokens = 0;
    double hit_rate = 0;
    std::int64_t loaded_tokens = 0, stored_tokens = 0, evicted_tokens = 0;
    std::int64_t bytes_in = 0, bytes_out = 0;
    double busy_in = 0, busy_out = 0;  ///< Shares of the run that its links carried something.
    std::optional<std::int64_t> lost_tokens{};  ///< By faults; absent if none were.
  };
  std::vector<Tier> tiers;                  ///< Empty where there are none.
  std::optional<FailedLoads> failed_loads;  ///< Absent where nothing can fail.

  struct Batch {
    std::int64_t steps = 0;
    double mean_running = 0;  ///< Time-weighted.
    std::int64_t max_running = 0, max_waiting = 0;
    double mean_tokens = 0;  ///< Tokens computed per step.
  } batch;

  /// What each kind of replica had and did.
  struct Pool {
    std::string name, device, role;
    std::int64_t replicas = 0, gpus = 0, capacity_tokens = 0, block_tokens = 0;
    std::int64_t requests = 0, completed = 0, output_tokens = 0;  ///< Requests: routed there.
    double busy = 0;                    ///< Share of the replicas' time in steps.
    double utilization = 0, usage = 0;  ///< Means, as in Kv.
    std::int64_t query_tokens = 0, hit_tokens = 0;
    double hit_rate = 0;
  };
  std::vector<Pool> pools;  ///< Empty where there is one.

  std::optional<SpeculationReport> speculation;  ///< Absent where nobody guesses.

  std::int64_t preemptions = 0, recomputed_tokens = 0, computed_tokens = 0, prompt_tokens = 0,
               output_tokens = 0, evictions = 0, cow_copies = 0, transfers = 0, events = 0;
};

}  // namespace kvsim
