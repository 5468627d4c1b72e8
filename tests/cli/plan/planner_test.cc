// Plans whose answer is known: from queueing theory, and from simulating every fleet there is.
#include "sim/cli/plan/planner.h"

#include <cmath>

#include <gtest/gtest.h>

#include "sim/cli/plan/fleet_bound.h"
#include "sim/cli/plan/slo_watch.h"
#include "sim/cli/plan/trial.h"
#include "sim/core/rng.h"
#include "sim/engine/catalog.h"
#include "sim/engine/experiment.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

ConfigView config_of(const std::vector<std::string>& sets) {
  ConfigView config;
  for (const std::string& assignment : sets) config.set(assignment);
  return config;
}

// A server that takes 10 ms for each request, one at a time.
ConfigView ten_ms_server(const std::vector<std::string>& more) {
  ConfigView config =
      config_of({"/cost=constant", "/constant_cost/step_us=10000",
                 "/constant_cost/prefill_token_ns=0", "/constant_cost/decode_us=0",
                 "/scheduler/max_num_seqs=1", "/cache/enable_prefix_caching=false",
                 "/cache/num_gpu_blocks_override=1000", "/max_model_len=1024",
                 "/workload/generate/prompt/law=constant", "/workload/generate/prompt/mean=10",
                 "/workload/generate/output/law=constant", "/workload/generate/output/mean=1"});
  for (const std::string& assignment : more) config.set(assignment);
  return config;
}

PlanReport plan_of(std::vector<Candidate> candidates, const std::string& slo,
                   std::int64_t max_gpus = 64) {
  PlanRequest request;
  request.candidates = std::move(candidates);
  request.slo = parse_slo(slo);
  request.max_gpus = max_gpus;
  for (Candidate& c : request.candidates) set_objectives(request.slo, c.config);
  return make_plan(request);
}

std::vector<Candidate> only(const ConfigView& config) { return {{"it", {}, config, "h200", 1}}; }

// D/D/c: 350 requests/s of 10 ms each are 3.5 servers' work. Four take turns and nobody waits;
// three fall behind by 10/3 - 1/350 s a request, for good. Four carry 400/s.
TEST(ClosedFormPlan, DeterministicArrivalsNeedTheCeilingOfTheirWork) {
  const ConfigView config =
      ten_ms_server({"/workload/arrivals/process=constant", "/workload/arrivals/rate=350",
                     "/workload/generate/requests=2000"});
  const PlanReport plan = plan_of(only(config), "ttft_max=10ms");
  ASSERT_TRUE(plan.winner);
  const PlanFleet& fleet = plan.fleets[0];
  EXPECT_EQ(fleet.replicas, 4);
  EXPECT_EQ(fleet.refused, 3);
  EXPECT_DOUBLE_EQ(fleet.values[0].mean, 10);
  EXPECT_LE(fleet.carries->mean, 400 * 1.001);
  EXPECT_GE(fleet.carries->mean, 400 / 1.02);
  EXPECT_NEAR(plan.request_per_s, 350, 1e-3);
}

// M/D/1: mean wait rho s / (2 (1 - rho)): 0.7 of a server's work waits 11.67 ms in the mean.
TEST(ClosedFormPlan, TheHighestLoadIsThatOfAnMD1Queue) {
  const ConfigView config =
      ten_ms_server({"/workload/arrivals/process=poisson", "/workload/arrivals/rate=40",
                     "/workload/generate/requests=40000"});
  const PlanReport plan = plan_of(only(config), "ttft_mean=21.6667ms");
  ASSERT_TRUE(plan.winner);
  EXPECT_EQ(plan.fleets[0].replicas, 1);
  EXPECT_NEAR(plan.fleets[0].carries->mean, 70, 70 * 0.03);
}

TEST(ClosedFormPlan, TakesTheCheapestAndThenTheRoomiest) {
  ConfigView config =
      ten_ms_server({"/workload/arrivals/process=constant", "/workload/arrivals/rate=350",
                     "/workload/generate/requests=500"});
  ConfigView fast = config;
  fast.set("/constant_cost/step_us=5000");
  // 4 replicas of 1; 2 of 1.9, that take half as long; 2 of 2.1.
  const PlanReport plan = plan_of(
      {{"slow", {}, config, "a", 1}, {"fast", {}, fast, "b", 1.9}, {"dear", {}, fast, "c", 2.1}},
      "ttft_max=12ms");
  EXPECT_EQ(plan.winner, 1U);
  EXPECT_EQ(plan.fleets[0].replicas, 4);
  EXPECT_EQ(plan.fleets[1].replicas, 2);
  EXPECT_TRUE(plan.fleets[1].frontier);
  EXPECT_FALSE(plan.fleets[0].frontier);
  EXPECT_FALSE(plan.fleets[2].frontier);
  EXPECT_EQ(plan.one_fewer->replicas, 1);
}

TEST(ClosedFormPlan, SaysTheNearestMissWhereNothingWillDo) {
  const ConfigView config =
      ten_ms_server({"/workload/arrivals/process=constant", "/workload/arrivals/rate=350",
                     "/workload/generate/requests=500"});
  // Two servers are 1.5 short: 500 requests take 2.5 s, came in 1.43.
  const PlanReport plan = plan_of(only(config), "ttft_max=100ms", 2);
  EXPECT_FALSE(plan.winner);
  ASSERT_EQ(plan.nearest_miss, 0U);
  EXPECT_NEAR(plan.fleets[0].values[0].mean, 2500 - 1e3 * 499 / 350, 10);
}

// A small random fleet: device, layout, memory, limits, load and goals.
ConfigView random_config(Rng& rng) {
  const auto pick = [&rng](const std::vector<std::string>& words) {
    return words[rng.below(words.size())];
  };
  ConfigView config =
      config_of({"/model=" + pick({"llama-3.1-8b", "gemma-3-1b", "gpt-oss-20b"}),
                 "/device=" + pick({"h200", "l40s", "a100-80gb"}),
                 "/cost=" + pick({"roofline", "imported", "constant"}),
                 "/tensor_parallel_size=" + pick({"1", "2", "4"}), "/max_model_len=4096",
                 "/cache/allocator=" + pick({"paged", "radix", "contiguous"}),
                 "/cache/enable_prefix_caching=" + pick({"true", "false"}),
                 "/cache/num_gpu_blocks_override=" + pick({"300", "2000", "20000"}),
                 "/scheduler/batching=" + pick({"vllm", "vllm", "sglang", "orca"}),
                 "/scheduler/max_num_batched_tokens=" + pick({"512", "8192"}),
                 "/scheduler/async_scheduling=" + pick({"true", "false"}),
                 "/workload/generate/requests=" + std::to_string(20 + rng.below(60)),
                 "/workload/generate/prompt/mean=" + pick({"100", "1000", "3000"}),
                 "/workload/generate/output/mean=" + pick({"1", "20", "100"}),
                 "/workload/generate/turns/mean=" + pick({"1", "1", "3"}),
                 "/workload/arrivals/process=" + pick({"poisson", "at-once", "constant"}),
                 "/workload/arrivals/rate=" + pick({"1", "10", "100", "1000"}),
                 "/workload/rate_scale=" + pick({"0.5", "1", "2"}),
                 "/seed=" + std::to_string(rng.below(1000))});
  if (rng.below(4) == 0 && config.text("/scheduler/batching") == "vllm") {
    config.set("/speculative/method=ngram");
    config.set("/speculative/num_speculative_tokens=3");
  }
  return config;
}

// A bound refuses nothing that a run accepts: the goals are set to what a run of `replicas` really
// gives, so that fleet meets them, and every bound has to leave it alone.
TEST(FleetBound, NeverRefusesWhatARunAccepts) {
  Rng rng(3, "fleet bound");
  const char* const names[] = {"ttft_p50", "ttft_p99", "ttft_max", "ttft_mean", "tpot_p50",
                               "tpot_max", "itl_p99",  "e2e_p90",  "e2e_mean"};
  int decisive = 0;
  constexpr int kRounds = repetitions(150);
  for (int round = 0; round < kRounds; ++round) {
    ConfigView config = random_config(rng);
    const auto replicas = static_cast<std::int64_t>(1 + rng.below(3));
    config.set("/replicas", replicas, "test");
    const std::string name = names[rng.below(std::size(names))];
    Slo slo = parse_slo(name + "=1s");
    SloWatch watch(slo, config, {});
    Observer* const watchers[] = {&watch};
    try {
      (void)run_experiment(config, watchers);
    } catch (const InputError&) {
      continue;  // does not go together
    }
    slo.goals[0].limit = watch.values()[0];
    if (std::isinf(slo.goals[0].limit)) continue;
    Trials trials(slo, 1);
    const FleetBound bound = bound_fleet(config, slo, trials.demand(config));
    EXPECT_FALSE(bound.impossible) << name << ": " << *bound.impossible << config.resolved();
    EXPECT_LE(bound.replicas, replicas) << name << ": " << bound.why << config.resolved();
    EXPECT_TRUE(trials.run(config).met) << "stopping early is no other verdict";
    // And it does refuse something: a hundredth of that.
    slo.goals[0].limit /= 100;
    const FleetBound strict = bound_fleet(config, slo, trials.demand(config));
    decisive += strict.impossible || strict.replicas > replicas ? 1 : 0;
  }
  EXPECT_GT(decisive, kRounds / 6);
}

// No step is shorter than CostModel::at_least says of its tokens.
TEST(FleetBound, StepsAreNoShorterThanTheirFloor) {
  Rng rng(4, "step floor");
  for (const char* cost : {"roofline", "imported", "constant"}) {
    const ConfigView config =
        config_of({"/model=llama-3.1-8b", "/device=h100", std::string("/cost=") + cost});
    const ModelSpec model = load_model(config);
    const DeviceSpec device = load_device(config);
    const auto prices = load_cost_model(model, device, config);
    for (int round = 0; round < repetitions(500); ++round) {
      StepShape shape;
      for (std::uint64_t i = rng.below(20); i > 0; --i)
        shape.add_decode(Tokens(static_cast<std::int64_t>(1 + rng.below(5000))), model.local);
      for (std::uint64_t i = rng.below(3) + (shape.decodes == 0 ? 1 : 0); i > 0; --i)
        shape.add_prefill(Tokens(static_cast<std::int64_t>(rng.below(5000))),
                          Tokens(static_cast<std::int64_t>(1 + rng.below(3000))), model.local);
      shape.samples = shape.decodes;
      EXPECT_GE(prices->price(shape), prices->at_least(shape.tokens()));
    }
  }
}

TEST(FleetBound, SaysWhatIsInTheWay) {
  const Slo slo = parse_slo("tpot_p99=1ms");
  Trials trials(slo, 1);
  const auto why = [&](const std::vector<std::string>& sets) {
    const ConfigView config = config_of(sets);
    return bound_fleet(config, slo, trials.demand(config)).impossible.value_or("");
  };
  EXPECT_NE(why({"/model=llama-3.1-70b", "/device=h100"}).find("no room for KV on h100"),
            std::string::npos);
  EXPECT_NE(why({"/model=llama-3.1-8b", "/device=l40s"}).find("no step is shorter than"),
            std::string::npos);
  EXPECT_EQ(why({"/max_model_len=300"}), why({"/max_model_len=300", "/device=h100"}));
}

}  // namespace
}  // namespace kvsim
