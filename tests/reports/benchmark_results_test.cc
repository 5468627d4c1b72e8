// Results in the formats of vLLM's and NVIDIA's benchmarks: their names, their definitions.
#include "reports/benchmark_results.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// One at a time, 10 ms a step. TTFT 10 and 40 ms, TPOT 10 and 10, E2E 30 and 60.
Report two_requests(const std::vector<std::string>& settings = {}) {
  tiny::World world;
  world.config.set("/scheduler/max_num_seqs=1");
  for (const std::string& setting : settings) world.config.set(setting);
  world.requests = {tiny::lonely(0, 20, 3), tiny::lonely(0, 20, 3)};
  world.max_model_len = Tokens(100);
  world.requests.push_back(tiny::lonely(0, 200, 1));
  return world.run();
}

TEST(VllmResult, HasTheFieldsOfSaveResult) {
  const Json result = Json::parse(vllm_result(two_requests({"/slo/ttft_ms=20"}), "a-model"));
  EXPECT_EQ(result["model_id"], "a-model");
  EXPECT_EQ(result["num_prompts"], 3);
  EXPECT_EQ(result["completed"], 2);
  EXPECT_EQ(result["failed"], 1);
  EXPECT_DOUBLE_EQ(result["duration"], 0.06);
  EXPECT_EQ(result["total_input_tokens"], 40);
  EXPECT_EQ(result["total_output_tokens"], 6);
  EXPECT_NEAR(result["request_throughput"], 2 / 0.06, 1e-6);
  EXPECT_NEAR(result["request_goodput"], 1 / 0.06, 1e-6);
  EXPECT_NEAR(result["output_throughput"], 6 / 0.06, 1e-6);
  EXPECT_NEAR(result["total_token_throughput"], 46 / 0.06, 1e-6);
  EXPECT_DOUBLE_EQ(result["mean_ttft_ms"], 25);
  EXPECT_DOUBLE_EQ(result["std_ttft_ms"], 15);  // numpy's std: of the population
  EXPECT_DOUBLE_EQ(result["p99_ttft_ms"], 40);
  EXPECT_DOUBLE_EQ(result["mean_tpot_ms"], 10);
  EXPECT_DOUBLE_EQ(result["std_itl_ms"], 0);
  EXPECT_DOUBLE_EQ(result["median_e2el_ms"], 30);
}

TEST(VllmResult, HasNoGoodputThatNobodyAskedFor) {
  EXPECT_TRUE(Json::parse(vllm_result(two_requests(), "m"))["request_goodput"].is_null());
}

TEST(AiperfResult, SaysUnitAverageAndPercentiles) {
  const Json result = Json::parse(aiperf_result(two_requests({"/slo/ttft_ms=20"}), "a-model"));
  EXPECT_EQ(result["time_to_first_token"]["unit"], "ms");
  EXPECT_DOUBLE_EQ(result["time_to_first_token"]["avg"], 25);
  EXPECT_DOUBLE_EQ(result["time_to_first_token"]["p50"], 10);
  EXPECT_DOUBLE_EQ(result["time_to_first_token"]["sum"], 50);
  EXPECT_EQ(result["time_to_first_token"]["count"], 2);
  EXPECT_NEAR(result["time_to_first_token"]["std"], 15 * std::sqrt(2), 1e-6);  // of the sample
  EXPECT_DOUBLE_EQ(result["inter_token_latency"]["avg"], 10);  // what vLLM calls TPOT
  EXPECT_EQ(result["request_count"].dump(), R"({"unit":"requests","avg":2.0})");
  EXPECT_EQ(result["error_request_count"]["avg"], 1);
  EXPECT_EQ(result["good_request_count"]["avg"], 1);
  EXPECT_EQ(result["error_summary"][0]["error_details"]["type"], "too_long");
  EXPECT_EQ(result["benchmark_duration"]["unit"], "sec");
  EXPECT_FALSE(result["was_cancelled"]);
}

TEST(AiperfResult, LeavesOutWhatWasNotObserved) {
  const Json result = Json::parse(aiperf_result(Report{}, "m"));
  EXPECT_FALSE(result.contains("time_to_first_token"));
  EXPECT_FALSE(result.contains("goodput"));
  EXPECT_EQ(result["request_count"]["avg"], 0);
}

}  // namespace
}  // namespace kvsim
