#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/benchmark_results.h"
#include "reports/summary_json.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

void add_latencies(Json& result, const char* name, const Quantiles& q) {
  const auto add = [&](const char* statistic, double value) {
    result[fmt::format("{}_{}_ms", statistic, name)] = six_decimals(value);
  };
  add("mean", q.mean);
  add("median", q.p50);
  add("std", q.deviation.value_or(0));  // of nothing: as vLLM does
  add("p90", q.p90);
  add("p95", q.p95);
  add("p99", q.p99);
}

// vLLM's acceptance rate is in percent.
void add_speculation(Json& result, const SpeculationReport& s) {
  result["spec_decode_acceptance_rate"] = six_decimals(100 * s.acceptance_rate);
  result["spec_decode_acceptance_length"] = six_decimals(s.mean_acceptance_length);
  result["spec_decode_num_drafts"] = s.num_drafts;
  result["spec_decode_draft_tokens"] = s.num_draft_tokens;
  result["spec_decode_accepted_tokens"] = s.num_accepted_tokens;
  Json& rates = result["spec_decode_per_position_acceptance_rates"] = Json::array();
  for (const double rate : s.per_position) rates.push_back(six_decimals(rate));
}

}  // namespace

std::string vllm_result(const Report& r, std::string_view model) {
  Json result;
  result["endpoint_type"] = result["backend"] = result["label"] = "kvsim";
  result["model_id"] = model;
  result["num_prompts"] = r.requests.total;
  result["duration"] = six_decimals(r.duration_s);
  result["completed"] = r.requests.completed;
  result["failed"] = r.requests.unserved();
  result["total_input_tokens"] = r.prompt_tokens;
  result["total_output_tokens"] = r.output_tokens;
  result["request_throughput"] = six_decimals(r.throughput.request_per_s);
  result["request_goodput"] = r.slo ? Json(six_decimals(r.throughput.goodput_per_s)) : Json();
  result["output_throughput"] = six_decimals(r.throughput.output_tok_per_s);
  result["total_token_throughput"] = six_decimals(r.throughput.total_tok_per_s);
  if (r.speculation) add_speculation(result, *r.speculation);
  add_latencies(result, "ttft", r.ttft_ms);
  add_latencies(result, "tpot", r.tpot_ms);
  add_latencies(result, "itl", r.itl_ms);
  add_latencies(result, "e2el", r.e2e_ms);
  result["kvsim"] = summary_json(r)["provenance"];
  return result.dump(2) + "\n";
}

}  // namespace kvsim
