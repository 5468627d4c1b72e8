// kvsim plan, end to end.
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPlan =
    "plan demo --slo ttft_p99=200ms,tpot_p99=20ms --devices h200,h100,l40s --max-gpus 4 ";
constexpr const char* kShort = " --set /workload/limit=150 ";  // of the demo's 600 requests

TEST(PlanVerb, SaysWhatToBuyAndConfirmsIt) {
  const ScratchFolder folder;
  const std::string prices = folder.with("prices.json", R"({"currency": "EUR", "devices": {
        "h200": {"per_gpu_hour": 4, "source": "x"}, "h100": {"per_gpu_hour": 3, "source": "y"},
        "l40s": {"per_gpu_hour": 1, "source": "z"}}})");
  const Outcome outcome = run_program(kPlan + ("--json --prices " + prices));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json plan = Json::parse(outcome.out);
  const Json& winner = plan["fleets"][plan["winner"].get<std::size_t>()];
  EXPECT_EQ(winner["device"], "h100") << "an L40S reads its weights too slowly for 20 ms a token";
  EXPECT_EQ(winner["per_hour"], 3);
  EXPECT_EQ(plan["fleets"][2]["fate"], "impossible");
  // The run that the plan says it made.
  const Outcome run = run_program("run demo --json --set /device=h100 --set /replicas=" +
                                  winner["replicas"].dump());
  EXPECT_EQ(Json::parse(run.out)["provenance"]["fingerprint"],
            winner["summary"]["provenance"]["fingerprint"]);
  EXPECT_EQ(Json::parse(run.out)["ttft_ms"]["p99"], winner["values"]["ttft_p99_ms"]["mean"]);
  EXPECT_TRUE(
      plan["serve"][0].get<std::string>().starts_with("vllm serve meta-llama/Llama-3.1-8B"));
}

TEST(PlanVerb, SaysTheSameOnAnyNumberOfThreads) {
  const std::string plan =
      std::string(kPlan) + kShort + "--json --set /cache/eviction=lru,lfu --jobs ";
  const Outcome one = run_program(plan + "1");
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(run_program(plan + "4").out, one.out);
}

TEST(PlanVerb, DrawsAPage) {
  const ScratchFolder folder;
  const Outcome outcome =
      run_program(std::string(kPlan) + kShort + "--html " + (folder / "plan.html"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(
      text_of(folder / "plan.html").find("is the cheapest that keeps ttft_p99 \\u003c= 200.0"),
      std::string::npos);
}

TEST(PlanVerb, AnImpossibleFleetIsCode99AndItsNearestMissIsTold) {
  const Outcome outcome = run_program("plan demo --slo ttft_p99=20ms --max-gpus 2");
  EXPECT_EQ(outcome.code, 99);
  EXPECT_NE(outcome.out.find("nothing of up to 2 GPUs meets this.\n"
                             "nearest: 2 x h200: ttft_p99 <= 20.00 ms is "),
            std::string::npos)
      << outcome.out;
}

TEST(PlanVerb, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  expect_refused("plan demo",
                 "kvsim plan: --slo: missing: what must the fleet keep? As in "
                 "ttft_p99=2s\n");
  expect_refused("plan demo --slo ttft_p99=1s --set /replicas=2",
                 "kvsim plan: --set /replicas=2: the plan finds it; --max-gpus limits it\n");
  expect_refused("plan demo --slo ttft_p99=1s --rate 5",
                 "kvsim plan: --rate: turns of this workload wait for answers; set "
                 "/workload/rate_scale\n");
  expect_refused("plan demo --slo ttft_p99=1s --set /mode=alone",
                 "kvsim plan: /mode: nothing happens in time when requests run alone\n");
  expect_refused("plan demo --slo ttft_p99=1s --html " + (folder / "no/page.html"),
                 folder / "no/page.html: cannot create: No such file or directory\n");
  const std::string prices = folder.with("p.json", R"({"currency": "EUR", "devices": {
      "h1000": {"per_gpu_hour": 4, "source": "x"}}})");
  const Outcome unknown = run_program("plan demo --slo ttft_p99=1s --prices " + prices);
  EXPECT_EQ(unknown.code, 2);
  EXPECT_TRUE(
      unknown.err.starts_with(prices + ": /devices/h1000: no device named 'h1000'; known:"));
  EXPECT_TRUE(unknown.err.ends_with("(did you mean 'h100'?)\n")) << unknown.err;
  const std::string none = folder.with("q.json", R"({"currency": "EUR", "devices": {}})");
  expect_refused("plan demo --slo ttft_p99=1s --prices " + none,
                 none +
                     ": /devices: no price of 'h200'; add it, leave the device out, or plan "
                     "without --prices to count GPUs\n");
}

TEST(PlanVerb, WritesWhatItsSchemaSays) {
  const char* const ajv = std::getenv("KVSIM_AJV");
  if (ajv == nullptr) GTEST_SKIP() << "needs KVSIM_AJV: a folder with npm's ajv";
  const ScratchFolder folder;
  int number = 0;
  for (const char* plan : {"plan demo --slo ttft_p99=20ms --max-gpus 2",
                           "plan demo --slo ttft=300ms,tpot=20ms,goodput=0.9 --seeds 2",
                           "plan demo --slo e2e_p90=1min --set /tensor_parallel_size=1,2,3"}) {
    const std::string file = folder.with(std::to_string(++number) + ".json",
                                         run_program(std::string(plan) + kShort + "--json").out);
    const Outcome said =
        run_shell(std::string("node ") + KVSIM_SOURCE_DIR + "/tests/reports/ajv.cjs " + ajv + " " +
                  KVSIM_SOURCE_DIR + "/reports/schema/plan.schema.json " + file);
    EXPECT_EQ(said.code, 0) << plan << said.out << said.err;
  }
}

}  // namespace
}  // namespace kvsim
