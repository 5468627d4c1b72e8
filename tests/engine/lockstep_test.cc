// Sequences that decode in lockstep are advanced together (sim/model/lockstep.h). Somebody who
// looks closely at every step turns that off: then every sequence is planned and advanced for
// itself. Both must do the same, to the last byte of every output.
#include "sim/model/lockstep.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/html/payload.h"
#include "reports/openmetrics.h"
#include "reports/requests_csv.h"
#include "reports/requests_jsonl.h"
#include "reports/summary_json.h"
#include "reports/timeline_csv.h"
#include "sim/core/input_error.h"
#include "sim/core/rng.h"
#include "sim/engine/experiment.h"
#include "tests/support/public_traces.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

// Looks at every step, and counts those that left somebody out.
class Onlooker final : public Observer {
 public:
  void on_step(const StepRecord& step) override { left_out_ += step.plan.in_lockstep; }
  std::int64_t left_out_ = 0;
};

// Does not look closely; counts the tokens that were told together.
class Tally final : public Bystander {
 public:
  void on_tokens(Time /*now*/, std::int64_t count, Duration /*gap*/, ReplicaId /*w*/) override {
    together_ += count;
  }
  std::int64_t together_ = 0;
};

struct Outputs {
  std::string summary, requests, lines, timeline, metrics, page;
  bool operator==(const Outputs&) const = default;
};

Outputs outputs_of(const ConfigView& config, Observer& beside) {
  Outputs out;
  Recorder recorder(Recorder::Detail::kAll);
  RequestsCsv csv([&](std::string_view text) { out.requests += text; });
  RequestsJsonl jsonl([&](std::string_view text) { out.lines += text; });
  std::vector<Observer*> watchers(recorder.watchers().begin(), recorder.watchers().end());
  watchers.insert(watchers.end(), {&csv, &jsonl, &beside});
  LatencyTimeline latencies(std::chrono::milliseconds(10), 1000);
  watchers.push_back(&latencies);
  const Report report = run_experiment(config, watchers);
  out.summary = summary_text(report);
  out.timeline = timeline_csv(recorder.timeline);
  write_openmetrics(recorder.timeline, latencies, "model",
                    [&](std::string_view text) { out.metrics += text; });
  out.page = run_payload("", report, config.resolved(), &recorder).dump();
  return out;
}

// Tokens that the run told of together, after comparing it with the plain one.
std::int64_t expect_the_same(const ConfigView& config) {
  Onlooker onlooker;
  Tally tally;
  const Outputs plain = outputs_of(config, onlooker);
  const Outputs fast = outputs_of(config, tally);
  EXPECT_EQ(onlooker.left_out_, 0);
  EXPECT_EQ(fast.summary, plain.summary);
  EXPECT_TRUE(fast == plain) << config.resolved().dump();
  return tally.together_;
}

// Anything a fleet can be: memory too small for its load, faults, tiers, roles, odd chunks.
ConfigView random_config(Rng& rng) {
  ConfigView config;
  const auto pick = [&](const std::string& pointer, const std::vector<std::string>& words) {
    config.set(pointer + "=" + words[rng.below(words.size())]);
  };
  // Every second time something else than the default.
  const auto perhaps = [&](const std::string& pointer, const std::vector<std::string>& words) {
    if (rng.below(2) == 0) pick(pointer, words);
  };
  config.set("/seed", rng.below(1'000'000), "test");
  config.set("/max_model_len=2048");
  pick("/model", {"llama-3.1-8b", "llama-3.1-8b", "gemma-2-9b", "llama-4-scout", "mixtral-8x7b"});
  pick("/cost", {"roofline", "imported", "constant"});
  pick("/workload/generate/requests", {"30", "60", "120"});
  pick("/workload/generate/prompt/mean", {"30", "200", "600"});
  pick("/workload/generate/output/mean", {"5", "40", "150"});
  pick("/workload/arrivals/process", {"poisson", "at-once", "constant"});
  pick("/workload/arrivals/rate", {"2", "20", "200"});
  perhaps("/workload/generate/turns/mean", {"1", "3"});
  pick("/cache/allocator", {"paged", "paged", "paged", "radix", "contiguous"});
  pick("/cache/num_gpu_blocks_override", {"200", "400", "3000", "20000"});
  perhaps("/cache/block_size", {"8", "16", "32", "64"});
  perhaps("/cache/enable_prefix_caching", {"false", "true"});
  perhaps("/cache/eviction", {"lru", "fifo", "lfu", "s3fifo", "arc", "priority"});
  perhaps("/cache/watermark", {"0.0", "0.05"});
  perhaps("/cache/reserve", {"max", "pow2", "oracle"});
  perhaps("/cache/semantics", {"vllm-2026-03", "vllm-2026-07"});
  pick("/scheduler/batching", {"vllm", "vllm", "vllm", "vllm", "orca", "sglang"});
  perhaps("/scheduler/max_num_seqs", {"3", "12", "64"});
  perhaps("/scheduler/max_num_batched_tokens", {"16", "64", "2048"});
  perhaps("/scheduler/long_prefill_token_threshold", {"7", "100"});
  perhaps("/scheduler/policy", {"priority", "fcfs"});
  perhaps("/scheduler/preemption", {"last", "priority", "least-progress", "largest"});
  perhaps("/scheduler/async_scheduling", {"true", "false"});
  perhaps("/replicas", {"1", "2", "3"});
  perhaps("/routing", {"round-robin", "least-loaded", "cache-aware", "power-of-two"});
  if (rng.below(6) == 0) {
    config.set("/speculative/method=ngram");
    config.set("/speculative/num_speculative_tokens=2");
  }
  if (rng.below(6) == 0) config.set("/tiers/host/gib=1");
  if (rng.below(6) == 0) config.set("/pipeline_parallel_size=2");
  // Some policies preempt each other's victims for ever where memory is short.
  pick("/until_s", {"3", "20"});
  return config;
}

TEST(Lockstep, ChangesNoByteOfAnyRandomRun) {
  constexpr int kRuns = repetitions(2000, 200);
  Rng rng(7, "lockstep");
  int refused = 0;
  int together = 0;
  for (int i = 0; i < kRuns && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    const ConfigView config = random_config(rng);
    try {
      together += expect_the_same(config) > 0;
    } catch (const InputError&) {
      ++refused;  // parts that do not fit together
    }
  }
  EXPECT_LT(refused, kRuns / 3);
  EXPECT_GT(together, kRuns / 6) << "or nothing was compared";
}

TEST(Lockstep, ChangesNoByteOfRunsWithFaultsAndRoles) {
  ConfigView config;
  for (const char* set : {"/workload/generate/requests=300", "/workload/generate/prompt/mean=300",
                          "/workload/generate/output/mean=100", "/workload/arrivals/rate=30",
                          "/cache/num_gpu_blocks_override=2000", "/replicas=3",
                          R"(/faults=[{"kind": "replica-down", "mtbf_s": 5, "mttr_s": 2}])"})
    config.set(set);
  EXPECT_GT(expect_the_same(config), 1000);
  ConfigView split;
  for (const char* set : {"/workload/generate/requests=300", "/workload/generate/prompt/mean=300",
                          "/workload/generate/output/mean=100", "/workload/arrivals/rate=30",
                          R"(/pools=[{"pool_name": "p", "role": "prefill", "replicas": 2},
                   {"pool_name": "d", "role": "decode", "replicas": 1}])"})
    split.set(set);
  EXPECT_GT(expect_the_same(split), 10'000);
}

TEST(Lockstep, ChangesNoByteOfTheMooncakeTraces) {
  for (const char* name : {"mooncake_conversation.jsonl.gz", "mooncake_synthetic.jsonl.gz"}) {
    const std::string trace = public_trace(name);
    KVSIM_SKIP_WITHOUT(trace);
    ConfigView config;
    config.set("/workload/trace=" + trace);
    config.set("/replicas=4");
    EXPECT_GT(expect_the_same(config), 100'000);
  }
}

}  // namespace
}  // namespace kvsim
