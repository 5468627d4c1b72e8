// Pools: a fleet of unequal replicas is its config with patches; equal pools are no pools.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/engine/experiment.h"
#include "sim/engine/fleet/pool.h"

namespace kvsim {
namespace {

// 200 prompts in 2 s; a step takes 10 ms whatever is in it.
ConfigView small_load(const std::string& more = "{}") {
  ConfigView config = ConfigView::parse(R"({
    "model": "llama-3.1-8b", "max_model_len": 4096, "cost": "constant",
    "workload": {"arrivals": {"rate": 100},
                 "generate": {"requests": 200, "prompt": {"mean": 300}, "output": {"mean": 20}}}
  })",
                                        "t.json");
  const nlohmann::ordered_json patch = nlohmann::ordered_json::parse(more);
  for (const auto& [key, value] : patch.items()) config.set("/" + key, value, "t.json");
  return config;
}

std::string error_of(const std::string& pools) {
  try {
    (void)run_experiment(small_load(R"({"pools": )" + pools + "}"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Pools, OfEqualReplicasAreNoPools) {
  const Report plain = run_experiment(small_load(R"({"replicas": 4})"));
  EXPECT_TRUE(plain.pools.empty());
  for (const char* same : {R"({"pools": [{"replicas": 4}]})", R"({"replicas": 4, "pools": [{}]})",
                           R"({"replicas": 2, "pools": [{}, {}]})",
                           R"({"pools": [{"replicas": 3, "device": "h200"}, {}]})"})
    EXPECT_EQ(run_experiment(small_load(same)).provenance.fingerprint, plain.provenance.fingerprint)
        << same;
}

// Whatever differs, a pool is sized as the same config by itself would be.
TEST(Pools, AreSizedAndCountedOneByOne) {
  const Report both = run_experiment(small_load(
      R"({"pools": [{"replicas": 2, "device": "h100", "pool_name": "big"},
                    {"replicas": 1, "device": "l40s", "tensor_parallel_size": 2,
                     "cache": {"block_size": 32, "kv_cache_dtype": "fp8"}}]})"));
  const Report first = run_experiment(small_load(R"({"replicas": 2, "device": "h100"})"));
  const Report second = run_experiment(small_load(R"({"device": "l40s", "tensor_parallel_size": 2,
                                    "cache": {"block_size": 32, "kv_cache_dtype": "fp8"}})"));
  ASSERT_EQ(both.pools.size(), 2);
  EXPECT_EQ(both.pools[0].name, "big");
  EXPECT_EQ(both.pools[1].name, "l40s");
  EXPECT_EQ(both.pools[0].gpus, 2);
  EXPECT_EQ(both.pools[1].gpus, 2);
  EXPECT_EQ(both.pools[0].capacity_tokens, first.kv.capacity_tokens);
  EXPECT_EQ(both.pools[1].capacity_tokens, second.kv.capacity_tokens);
  EXPECT_EQ(both.pools[1].block_tokens, 32);
  EXPECT_EQ(both.kv.capacity_tokens, first.kv.capacity_tokens + second.kv.capacity_tokens);
  EXPECT_EQ(both.kv.capacity_blocks, first.kv.capacity_blocks + second.kv.capacity_blocks);
  EXPECT_EQ(both.pools[0].requests + both.pools[1].requests, both.requests.total);
  EXPECT_EQ(both.pools[0].completed + both.pools[1].completed, both.requests.completed);
  EXPECT_EQ(both.pools[0].output_tokens + both.pools[1].output_tokens, both.output_tokens);
  EXPECT_EQ(both.pools[0].query_tokens + both.pools[1].query_tokens,
            both.prefix_cache.query_tokens);
  // Round robin: 67, 67 and 66.
  EXPECT_EQ(both.pools[0].requests, 134);
  for (const Report::Pool& pool : both.pools) EXPECT_TRUE(pool.busy > 0 && pool.busy <= 1);
}

// A request that only one pool can hold goes there, wherever its turn is.
TEST(Pools, TakeWhatTheyCanServe) {
  ConfigView config = small_load(R"({"pools": [{"max_model_len": 100}, {"pool_name": "long"}]})");
  const Report report = run_experiment(config);
  EXPECT_EQ(report.requests.rejected, 0);
  EXPECT_EQ(report.requests.completed, 200);
  EXPECT_GT(report.pools[1].completed, report.pools[0].completed);
}

TEST(Pools, AreRefusedInOneLine) {
  EXPECT_EQ(error_of("3"), "t.json: /pools: expected a list of objects, a pool each, got 3");
  EXPECT_EQ(error_of("[{}, 7]"), "t.json: /pools/1: expected an object of config fields, got 7");
  EXPECT_EQ(error_of(R"([{}, {"device": "h2000"}])").substr(0, 48),
            "t.json: /pools/1/device: no device named 'h2000'");
  EXPECT_EQ(error_of(R"([{"devise": "h200"}])"),
            "t.json: /pools/0/devise: unknown field (did you mean 'device'?)");
  EXPECT_EQ(error_of(R"([{"cache": {"block_size": 0}}])"),
            "t.json: /pools/0/cache/block_size: expected 1 to 8192, got 0");
  EXPECT_EQ(error_of(R"([{"seed": 3}])"),
            "t.json: /pools/0/seed: belongs to the whole fleet; say it as /seed");
  EXPECT_EQ(error_of(R"([{"workload": {"limit": 3}}])"),
            "t.json: /pools/0/workload: belongs to the whole fleet; say it as /workload");
  EXPECT_EQ(
      error_of(R"([{"role": "prefill"}])"),
      "t.json: /pools/0/role: prefill replicas need others that decode; add a pool to /pools");
  EXPECT_EQ(
      error_of(R"([{"role": "prefill"}, {"role": "decode", "scheduler": {"batching": "sglang"}}])"),
      "t.json: /pools/1/scheduler/batching: sglang batching cannot wait for what prefill "
      "replicas computed; use vllm");
  EXPECT_EQ(
      error_of(R"([{"role": "prefill"}, {"role": "decode", "cache": {"kv_cache_dtype": "fp8"}}])"),
      "t.json: /pools/1/role: the KV of a token is 65536 bytes here and 131072 in the first "
      "pool with a role: use one model and kv_cache_dtype");
  EXPECT_EQ(error_of(R"([{"replicas": 0}])"),
            "t.json: /pools/0/replicas: expected 1 to 4096, got 0");
  EXPECT_EQ(error_of(R"([{}, {"tensor_parallel_size": 3}])").substr(0, 45),
            "t.json: /pools/1/tensor_parallel_size: 32 att");
}

TEST(Pools, AnErrorNamesWhereThePatchWasSaid) {
  ConfigView config = small_load();
  config.set(R"(/pools=[{"device": "h2000"}])");
  try {
    (void)run_experiment(config);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 24), "--set: /pools/0/device: ");
  }
}

TEST(Pools, CombineTheProvenanceOfTheirTimes) {
  const CostProvenance sum =
      combined({{"measured", "a", 0.02, 3}, {"roofline", "b", -1, 4}, {"imported", "a", 0.05, 5}});
  EXPECT_EQ(sum.kind, "roofline");
  EXPECT_EQ(sum.profile, "a; b");
  EXPECT_EQ(sum.holdout_error, 0.05);
  EXPECT_EQ(sum.steps_outside, 12);
}

}  // namespace
}  // namespace kvsim
