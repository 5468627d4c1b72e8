#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "reports/benchmark_results.h"
#include "reports/summary_json.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

Json single(const char* unit, double value) {
  return {{"unit", unit}, {"avg", six_decimals(value)}};
}

Json single(const char* unit, std::int64_t value) {
  return single(unit, static_cast<double>(value));
}

// AIPerf's std is the sample's: n - 1 in place of n.
double of_sample(double deviation, std::int64_t count) {
  const auto n = static_cast<double>(count);
  return count > 1 ? deviation * std::sqrt(n / (n - 1)) : 0;
}

// AIPerf leaves out a metric of which nothing was observed.
void add_latencies(Json& result, const char* name, const Quantiles& q) {
  if (q.count == 0) return;
  result[name] = {{"unit", "ms"},
                  {"avg", six_decimals(q.mean)},
                  {"max", six_decimals(q.max)},
                  {"p50", six_decimals(q.p50)},
                  {"p90", six_decimals(q.p90)},
                  {"p95", six_decimals(q.p95)},
                  {"p99", six_decimals(q.p99)},
                  {"std", six_decimals(of_sample(q.deviation.value_or(0), q.count))},
                  {"count", q.count},
                  {"sum", six_decimals(q.mean * static_cast<double>(q.count))}};
}

void add_errors(Json& result, const Report::Requests& requests) {
  Json& errors = result["error_summary"] = Json::array();
  const auto add = [&errors](const char* type, const char* message, std::int64_t count) {
    if (count > 0)
      errors.push_back(
          {{"error_details", {{"type", type}, {"message", message}}}, {"count", count}});
  };
  add("too_long", "prompt and output are longer than max_model_len", requests.rejected_too_long);
  add("too_large", "would not fit the KV memory even alone", requests.rejected_too_large);
  add("queue_full", "every replica has as many waiting as may wait",
      requests.rejected_queue_full.value_or(0));
  add("tokens_full", "every replica has as many prompt tokens to serve as it may",
      requests.rejected_tokens_full.value_or(0));
  add("over_rate", "more of this priority came than may", requests.rejected_over_rate.value_or(0));
  add("replica_down", "lost with its replica", requests.lost.value_or(0));
}

}  // namespace

std::string aiperf_result(const Report& r, std::string_view model) {
  Json result;
  result["schema_version"] = "1.1";
  result["request_throughput"] = single("requests/sec", r.throughput.request_per_s);
  result["request_count"] = single("requests", r.requests.completed);
  result["error_request_count"] = single("requests", r.requests.rejected);
  add_latencies(result, "request_latency", r.e2e_ms);
  add_latencies(result, "time_to_first_token", r.ttft_ms);
  add_latencies(result, "inter_token_latency", r.tpot_ms);
  add_latencies(result, "inter_chunk_latency", r.itl_ms);
  result["output_token_throughput"] = single("tokens/sec", r.throughput.output_tok_per_s);
  result["total_token_throughput"] = single("tokens/sec", r.throughput.total_tok_per_s);
  if (r.slo) {
    result["goodput"] = single("requests/sec", r.throughput.goodput_per_s);
    result["good_request_count"] = single("requests", r.slo->good);
  }
  result["total_isl"] = single("tokens", r.prompt_tokens);
  result["total_osl"] = single("tokens", r.output_tokens);
  result["benchmark_duration"] = single("sec", r.duration_s);
  result["input_config"] = {{"models", {{"items", Json::array({{{"name", model}}})}}}};
  result["was_cancelled"] = r.requests.unfinished > 0;
  add_errors(result, r.requests);
  result["kvsim"] = summary_json(r)["provenance"];
  return result.dump(2) + "\n";
}

}  // namespace kvsim
