// Runs whose outcome is known from a formula or a published table, to many digits.
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "sim/engine/experiment.h"
#include "tests/support/public_traces.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

ConfigView config_of(const std::vector<std::string>& sets) {
  ConfigView config;
  for (const std::string& assignment : sets) config.set(assignment);
  return config;
}

// Of a mean over so many requests: 2 % for 300,000, which is 2.4 standard deviations of M/D/1 at
// rho 0.6 (over 20 seeds), and as many for fewer, because errors fall with the square root.
double tolerance(std::int64_t requests) {
  return 0.02 * std::sqrt(std::max(1.0, 300'000.0 / static_cast<double>(requests)));
}

// M/D/1: Poisson arrivals, one server, fixed service time s. Mean wait rho s / (2 (1 - rho)).
TEST(ClosedForm, APrefillOnlyQueueWaitsAsAnMD1QueueDoes) {
  constexpr std::int64_t kRequests = repetitions(300'000, 150'000);
  for (const double rho : {0.3, 0.6}) {
    const ConfigView config = config_of(
        {"/cost=constant", "/constant_cost/step_us=10000", "/constant_cost/prefill_token_ns=0",
         "/constant_cost/decode_us=0", "/scheduler/max_num_seqs=1",
         "/cache/enable_prefix_caching=false", "/cache/num_gpu_blocks_override=1000",
         "/max_model_len=1024", "/workload/arrivals/rate=" + std::to_string(rho * 100),
         "/workload/generate/requests=" + std::to_string(kRequests),
         "/workload/generate/prompt/law=constant", "/workload/generate/prompt/mean=10",
         "/workload/generate/output/law=constant", "/workload/generate/output/mean=1"});
    const Report report = run_experiment(config);
    const double expected = rho * 10 / (2 * (1 - rho));
    EXPECT_EQ(report.requests.completed, kRequests);
    EXPECT_NEAR(report.queue_ms.mean / expected, 1, tolerance(kRequests)) << "rho " << rho;
    EXPECT_NEAR(report.ttft_ms.mean, report.queue_ms.mean + 10, 1e-6);
  }
}

// Erlang's C: the chance that all c servers of an M/M/c queue are busy.
double erlang_c(int c, double rho) {
  const double load = c * rho;
  double term = 1;  // load^k / k!
  double idle = 0;
  for (int k = 0; k < c; term *= load / ++k) idle += term;
  return term / (1 - rho) / (idle + term / (1 - rho));
}

// M/M/c: c replicas that serve one request each, exponential service of mean s, one queue at the
// router. Mean wait C(c, rho) s / (c (1 - rho)). c = 1 is M/M/1, where C is rho.
TEST(ClosedForm, ReplicasBehindOneQueueWaitAsAnMMcQueueDoes) {
  constexpr std::int64_t kRequests = repetitions(400'000);
  EXPECT_NEAR(erlang_c(1, 0.6), 0.6, 1e-12);
  EXPECT_NEAR(erlang_c(2, 0.75), 0.6428571428571, 1e-12) << "2 rho^2 / (1 + rho)";
  for (const auto& [c, rho] : {std::pair(1, 0.5), std::pair(2, 0.7), std::pair(4, 0.75)}) {
    // 10 us a prompt token, 1,000 tokens on average: s = 10 ms, so c * rho * 100 requests/s.
    const ConfigView config = config_of(
        {"/cost=constant", "/constant_cost/step_us=0", "/constant_cost/prefill_token_ns=10000",
         "/constant_cost/decode_us=0", "/scheduler/max_num_batched_tokens=1000000",
         "/cache/enable_prefix_caching=false", "/cache/num_gpu_blocks_override=10000",
         "/cache/block_size=64", "/router/max_in_flight=1", "/replicas=" + std::to_string(c),
         "/max_model_len=16384", "/workload/arrivals/rate=" + std::to_string(c * rho * 100),
         "/workload/generate/requests=" + std::to_string(kRequests),
         "/workload/generate/prompt/law=exponential", "/workload/generate/prompt/mean=1000",
         "/workload/generate/prompt/max=16000", "/workload/generate/output/law=constant",
         "/workload/generate/output/mean=1"});
    const Report report = run_experiment(config);
    EXPECT_EQ(report.requests.completed, kRequests);
    const double expected = erlang_c(c, rho) * 10 / (c * (1 - rho));
    EXPECT_NEAR(report.queue_ms.mean / expected, 1, tolerance(kRequests))
        << c << " servers, rho " << rho;
  }
}

// A request (I, O) by itself holds I+t tokens at step t = 1..O; the sums, in plain arithmetic.
TEST(ClosedForm, AllocatorsAloneWasteWhatTheFormulaSays) {
  std::vector<Request> requests;
  Rng rng(3, "alone");
  for (int i = 0; i < 400; ++i)
    requests.push_back(tiny::lonely(0, 1 + static_cast<std::int64_t>(rng.below(1500)),
                                    1 + static_cast<std::int64_t>(rng.below(700))));
  const std::int64_t longest = 2048;
  const tiny::PriceList cost([](const StepShape&) { return Duration(1); });
  for (const std::string allocator : {"max", "pow2", "oracle", "paged", "radix"}) {
    for (const std::string fit : {"first", "buddy"}) {
      const bool blocks = allocator == "paged" || allocator == "radix";
      double used = 0;
      double reserved = 0;
      double internal = 0;
      double external = 0;
      for (const Request& r : requests) {
        const std::int64_t in = r.prompt.value();
        const std::int64_t out = r.output.value();
        if (in + out > longest) continue;
        const auto rounded =
            static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(out)));
        const std::int64_t range = allocator == "max"    ? longest
                                   : allocator == "pow2" ? std::min(in + rounded, longest)
                                                         : in + out;
        const auto chunk =
            fit == "buddy"
                ? static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(range)))
                : range;
        for (std::int64_t t = 1; t <= out; ++t) {
          used += static_cast<double>(in + t);
          if (blocks) {
            internal += static_cast<double>((in + t + 15) / 16 * 16 - (in + t));
          } else {
            reserved += static_cast<double>(out - t);
            internal += static_cast<double>(range - in - out);
            external += static_cast<double>(chunk - range);
          }
        }
      }
      ConfigView config;
      config.set("/cache/allocator", blocks ? allocator : "contiguous", "test");
      if (!blocks) config.set("/cache/reserve", allocator, "test");
      config.set("/cache/fit", fit, "test");
      tiny::Listed listed(requests);
      const Report report = serve_alone(
          {config, listed, {{config, cost, Tokens(0), Tokens(16), Tokens(longest), {}}}}, {});
      const double held = used + reserved + internal + external;
      EXPECT_NEAR(report.kv.utilization.mean, used / held, 1e-12) << allocator << " " << fit;
      EXPECT_NEAR(report.kv.waste.reserved, reserved / held, 1e-12) << allocator << " " << fit;
      EXPECT_NEAR(report.kv.waste.internal, internal / held, 1e-12) << allocator << " " << fit;
      EXPECT_NEAR(report.kv.waste.external, external / held, 1e-12) << allocator << " " << fit;
    }
  }
}

// The published table: azure_conv, paged utilization by block size, to 1e-6.
TEST(ClosedForm, PagedUtilizationOfAzureConvEqualsItsTable) {
  const std::string trace = public_trace("azure_2023_conv.csv.gz");
  KVSIM_SKIP_WITHOUT(trace);
  const std::vector<std::pair<int, double>> table{{8, .997157},  {16, .993928},  {32, .987545},
                                                  {64, .974965}, {128, .950564}, {256, .907848},
                                                  {512, .836310}};
  for (const auto& [block, expected] : table) {
    const Report report = run_experiment(config_of(
        {"/mode=alone", "/workload/trace=" + trace, "/cache/block_size=" + std::to_string(block)}));
    EXPECT_NEAR(report.kv.utilization.mean, expected, 1e-6) << "block " << block;
    EXPECT_EQ(report.requests.completed, 19366);
  }
}

// The same trace in ranges of at most 2048 tokens: used / reserved / internal / external.
TEST(ClosedForm, ContiguousWasteOfAzureConvEqualsItsTable) {
  const std::string trace = public_trace("azure_2023_conv.csv.gz");
  KVSIM_SKIP_WITHOUT(trace);
  struct Row {
    std::string reserve, fit;
    double used, reserved, internal, external;
  };
  for (const Row& row :
       {Row{"max", "first", .5340, .0845, .3815, 0}, Row{"pow2", "first", .7955, .1258, .0787, 0},
        Row{"oracle", "first", .8634, .1366, 0, 0},
        Row{"pow2", "buddy", .6222, .0984, .0615, .2178},
        Row{"oracle", "buddy", .6353, .1005, 0, .2642}}) {
    const Report report = run_experiment(config_of(
        {"/mode=alone", "/workload/trace=" + trace, "/max_model_len=2048",
         "/cache/allocator=contiguous", "/cache/reserve=" + row.reserve, "/cache/fit=" + row.fit}));
    EXPECT_EQ(report.requests.completed, 16528);
    EXPECT_NEAR(report.kv.utilization.mean, row.used, 5e-5) << row.reserve << " " << row.fit;
    EXPECT_NEAR(report.kv.waste.reserved, row.reserved, 5e-5) << row.reserve << " " << row.fit;
    EXPECT_NEAR(report.kv.waste.internal, row.internal, 5e-5) << row.reserve << " " << row.fit;
    EXPECT_NEAR(report.kv.waste.external, row.external, 5e-5) << row.reserve << " " << row.fit;
    EXPECT_NEAR(report.kv.utilization.mean / report.kv.waste.reserved, 6.32, 0.01)
        << "used over reserved does not depend on the range";
  }
}

// Cache-only replay of mooncake_conversation with infinite memory: 54,098,411 of its 144,793,823
// prompt tokens have been seen before, partial last blocks included. So a run's never-seen tokens
// are the rest, at any size of memory; with enough of it, nothing is lost to capacity, and what was
// seen splits into hits, the block of the last token, partial blocks and work still in flight.
TEST(ClosedForm, MooncakesReusablePrefixIsThePublishedOne) {
  const std::string trace = public_trace("mooncake_conversation.jsonl.gz");
  KVSIM_SKIP_WITHOUT(trace);
  const Report report = run_experiment(
      config_of({"/workload/trace=" + trace, "/cache/block_size=512", "/cost=constant",
                 "/cache/num_gpu_blocks_override=300000", "/scheduler/max_num_seqs=1",
                 "/scheduler/max_num_batched_tokens=1000000"}));
  const Report::PrefixCache& cache = report.prefix_cache;
  EXPECT_EQ(report.requests.completed, 12031);
  EXPECT_EQ(cache.query_tokens, 144793823);
  EXPECT_EQ(cache.query_tokens - cache.miss.first_seen, 54098411);
  EXPECT_EQ(cache.miss.capacity, 0);
  EXPECT_EQ(cache.miss.in_flight, 0) << "one sequence at a time";
  EXPECT_EQ(cache.hit_tokens + cache.miss.granularity + cache.miss.last_token, 54098411);
  EXPECT_EQ(report.evictions, 0);
}

// The order of the PagedAttention paper's Fig. 2, on a real trace under load.
TEST(ClosedForm, UtilizationOrdersTheMemoryManagers) {
  const std::string trace = public_trace("mooncake_conversation.jsonl.gz");
  KVSIM_SKIP_WITHOUT(trace);
  double last = 0;
  for (const std::string reserve : {"max", "pow2", "oracle", "paged", "radix"}) {
    const bool ranges = reserve != "paged" && reserve != "radix";
    ConfigView config = config_of(
        {"/workload/trace=" + trace, "/cache/allocator=" + (ranges ? "contiguous" : reserve)});
    if (ranges) config.set("/cache/reserve=" + reserve);
    const Report report = run_experiment(config);
    EXPECT_EQ(report.requests.total, 12031);
    EXPECT_EQ(report.requests.completed + report.requests.rejected, 12031);
    if (reserve == "radix") {
      EXPECT_GT(report.kv.utilization.mean, 0.99);
      continue;
    }
    EXPECT_GT(report.kv.utilization.mean, last) << reserve;
    last = report.kv.utilization.mean;
  }
}

}  // namespace
}  // namespace kvsim
