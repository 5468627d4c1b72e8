// The table of published metrics: one row per number or distribution of summary.json.

#include <array>

#include "reports/figures.h"

namespace kvsim {
namespace {

using Optional = std::optional<double>;
constexpr auto kLower = Better::kLower;
constexpr auto kHigher = Better::kHigher;
constexpr auto kNeither = Better::kNeither;
constexpr double kSeconds = 1e-3;  // vLLM counts in seconds

using Distribution = const Quantiles* (*)(const Report&);
using Value = Optional (*)(const Report&);

constexpr Metric trend(std::string_view name, std::string_view unit, Better better,
                       Distribution distribution, std::string_view vllm = {}, double scale = 1) {
  return {name, unit, better, Metric::Kind::kTrend, nullptr, distribution, vllm, scale};
}
constexpr Metric counter(std::string_view name, std::string_view unit, Better better, Value value,
                         std::string_view vllm = {}) {
  return {name, unit, better, Metric::Kind::kCounter, value, nullptr, vllm, 1};
}
constexpr Metric share(std::string_view name, Better better, Value value) {
  return {name, "", better, Metric::Kind::kShare, value, nullptr, {}, 1};
}
constexpr Metric gauge(std::string_view name, std::string_view unit, Better better, Value value) {
  return {name, unit, better, Metric::Kind::kGauge, value, nullptr, {}, 1};
}

// One report's number as a function.
#define OF(member) [](const Report& r) { return Optional(static_cast<double>(r.member)); }
#define OF_FAULTS(member)                                                                      \
  [](const Report& r) {                                                                        \
    return r.requests.member ? Optional(static_cast<double>(*r.requests.member)) : Optional(); \
  }
#define OF_PART(part, member)                                                   \
  [](const Report& r) {                                                         \
    return r.part ? Optional(static_cast<double>(r.part->member)) : Optional(); \
  }

constexpr std::array kMetrics{
    gauge("duration_s", "s", kNeither, OF(duration_s)),
    counter("requests.total", "requests", kNeither, OF(requests.total)),
    counter("requests.completed", "requests", kHigher, OF(requests.completed),
            "vllm:request_success"),
    counter("requests.rejected", "requests", kLower, OF(requests.rejected)),
    counter("requests.unfinished", "requests", kLower, OF(requests.unfinished)),
    counter("requests.lost", "requests", kLower, OF_FAULTS(lost)),
    counter("requests.retries", "times", kLower, OF_FAULTS(retries)),
    gauge("throughput.request_per_s", "req/s", kHigher, OF(throughput.request_per_s)),
    gauge("throughput.output_tok_per_s", "tok/s", kHigher, OF(throughput.output_tok_per_s)),
    gauge("throughput.total_tok_per_s", "tok/s", kHigher, OF(throughput.total_tok_per_s)),
    gauge("throughput.goodput_per_s", "req/s", kHigher, OF(throughput.goodput_per_s)),
    trend(
        "ttft_ms", "ms", kLower, [](const Report& r) { return &r.ttft_ms; },
        "vllm:time_to_first_token_seconds", kSeconds),
    trend(
        "tpot_ms", "ms", kLower, [](const Report& r) { return &r.tpot_ms; },
        "vllm:request_time_per_output_token_seconds", kSeconds),
    trend(
        "itl_ms", "ms", kLower, [](const Report& r) { return &r.itl_ms; },
        "vllm:inter_token_latency_seconds", kSeconds),
    trend(
        "e2e_ms", "ms", kLower, [](const Report& r) { return &r.e2e_ms; },
        "vllm:e2e_request_latency_seconds", kSeconds),
    trend(
        "queue_ms", "ms", kLower, [](const Report& r) { return &r.queue_ms; },
        "vllm:request_queue_time_seconds", kSeconds),
    gauge("kv.capacity_tokens", "tokens", kNeither, OF(kv.capacity_tokens)),
    gauge("kv.capacity_blocks", "blocks", kNeither, OF(kv.capacity_blocks)),
    gauge("kv.peak_used_tokens", "tokens", kNeither, OF(kv.peak_used_tokens)),
    gauge("kv.peak_held_tokens", "tokens", kNeither, OF(kv.peak_held_tokens)),
    gauge("kv.held_at_end_tokens", "tokens", kLower, OF(kv.held_at_end_tokens)),
    trend("kv.utilization", "", kHigher, [](const Report& r) { return &r.kv.utilization; }),
    trend(
        "kv.usage", "", kLower, [](const Report& r) { return &r.kv.usage; },
        "vllm:kv_cache_usage_perc"),
    share("kv.waste", kLower,
          [](const Report& r) {
            return Optional(r.kv.waste.reserved + r.kv.waste.internal + r.kv.waste.external);
          }),
    share("kv.waste.reserved", kLower, OF(kv.waste.reserved)),
    share("kv.waste.internal", kLower, OF(kv.waste.internal)),
    share("kv.waste.external", kLower, OF(kv.waste.external)),
    share("kv.cached", kNeither, OF(kv.cached)),
    counter("prefix_cache.query_tokens", "tokens", kNeither, OF(prefix_cache.query_tokens),
            "vllm:prefix_cache_queries"),
    counter("prefix_cache.hit_tokens", "tokens", kHigher, OF(prefix_cache.hit_tokens),
            "vllm:prefix_cache_hits"),
    share("prefix_cache.hit_rate", kHigher, OF(prefix_cache.hit_rate)),
    counter("prefix_cache.miss.first_seen", "tokens", kNeither, OF(prefix_cache.miss.first_seen)),
    counter("prefix_cache.miss.capacity", "tokens", kLower, OF(prefix_cache.miss.capacity)),
    counter("prefix_cache.miss.granularity", "tokens", kLower, OF(prefix_cache.miss.granularity)),
    counter("prefix_cache.miss.last_token", "tokens", kNeither, OF(prefix_cache.miss.last_token)),
    counter("prefix_cache.miss.in_flight", "tokens", kNeither, OF(prefix_cache.miss.in_flight)),
    counter("failed_loads.loads", "loads", kLower, OF_PART(failed_loads, loads)),
    counter("failed_loads.tokens", "tokens", kLower, OF_PART(failed_loads, tokens)),
    counter("batch.steps", "steps", kNeither, OF(batch.steps)),
    gauge("batch.mean_running", "sequences", kNeither, OF(batch.mean_running)),
    gauge("batch.max_running", "sequences", kNeither, OF(batch.max_running)),
    gauge("batch.max_waiting", "sequences", kLower, OF(batch.max_waiting)),
    gauge("batch.mean_tokens", "tokens", kNeither, OF(batch.mean_tokens)),
    counter("speculation.num_drafts", "times", kNeither, OF_PART(speculation, num_drafts),
            "vllm:spec_decode_num_drafts"),
    counter("speculation.num_draft_tokens", "tokens", kNeither,
            OF_PART(speculation, num_draft_tokens), "vllm:spec_decode_num_draft_tokens"),
    counter("speculation.num_accepted_tokens", "tokens", kHigher,
            OF_PART(speculation, num_accepted_tokens), "vllm:spec_decode_num_accepted_tokens"),
    share("speculation.acceptance_rate", kHigher, OF_PART(speculation, acceptance_rate)),
    gauge("speculation.mean_acceptance_length", "tokens", kHigher,
          OF_PART(speculation, mean_acceptance_length)),
    counter("preemptions", "times", kLower, OF(preemptions), "vllm:num_preemptions"),
    counter("recomputed_tokens", "tokens", kLower, OF(recomputed_tokens)),
    counter("computed_tokens", "tokens", kLower, OF(computed_tokens)),
    counter("prompt_tokens", "tokens", kNeither, OF(prompt_tokens), "vllm:prompt_tokens"),
    counter("output_tokens", "tokens", kNeither, OF(output_tokens), "vllm:generation_tokens"),
    counter("evictions", "blocks", kNeither, OF(evictions)),
    counter("cow_copies", "blocks", kLower, OF(cow_copies)),
    counter("transfers", "blocks", kLower, OF(transfers)),
};
#undef OF
#undef OF_PART

}  // namespace

std::span<const Metric> published_metrics() { return kMetrics; }

}  // namespace kvsim
