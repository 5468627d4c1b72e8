// The page of one run: exact, since people paste it.
#include "reports/run_table.h"

#include <gtest/gtest.h>

namespace kvsim {
namespace {

Report some_report() {
  Report r;
  r.provenance = {"1.2.3", "c0ffee", "chat.jsonl", "mooncake",   "beef",
                  "f00d",  7,        "measured",   "h200-llama", 0.021};
  r.requests = {1210, 1200, 9, 1, 4, 5, 2, {}, {}, {}, {}, {}};
  r.duration_s = 60.5;
  r.throughput = {19.835, 4000.25, 24000.5, 19.0};
  r.ttft_ms = {1200, 12.345, 10, 20, 25, 30, 1234.5};
  r.kv.capacity_tokens = 16384;
  r.kv.capacity_blocks = 1024;
  r.kv.block_tokens = 16;
  r.kv.utilization.mean = 0.963;
  r.kv.waste = {0.01, 0.02, 0.007};
  r.kv.usage = {1, 0.5, 0.5, 0.8, 0.9, 0.99, 1.0};
  r.kv.cached = 0.25;
  r.prefix_cache = {1000, 400, 0.4, {300, 200, 50, 40, 10}, {}};
  r.batch = {5000, 23.4, 64, 12, 8.5};
  r.preemptions = 3;
  r.recomputed_tokens = 1;
  r.prompt_tokens = 1'200'000;
  r.output_tokens = 240'000;
  r.computed_tokens = 1'000'000;
  r.evictions = 12;
  return r;
}

TEST(RunTable, IsOnePageThatSaysWhereItsNumbersComeFrom) {
  EXPECT_EQ(run_table(some_report()),
            "kvsim 1.2.3: chat.jsonl (mooncake), seed 7\n"
            "\n"
            "requests      1,200 completed of 1,210 in 60.500 s\n"
            "tokens        1,200,000 prompt, 240,000 output, 1,000,000 computed\n"
            "throughput    19.835 req/s, 4,000.2 output tok/s, 24,000.5 total tok/s\n"
            "\n"
            "           mean    p50    p90    p95    p99       max\n"
            "TTFT ms   12.35  10.00  20.00  25.00  30.00  1,234.50\n"
            "TPOT ms       -      -      -      -      -         -\n"
            "ITL ms        -      -      -      -      -         -\n"
            "E2E ms        -      -      -      -      -         -\n"
            "queue ms      -      -      -      -      -         -\n"
            "\n"
            "KV memory     16,384 tokens (1,024 blocks of 16 tokens)\n"
            "  utilization 96.3 % of what sequences were given holds tokens\n"
            "  waste       1.0 % reserved, 2.0 % internal, 0.7 % external\n"
            "  usage       50.0 % of capacity given to sequences, p99 99.0 %, max 100.0 %\n"
            "  cached      25.0 % of capacity kept for reuse\n"
            "prefix cache  40.0 % hit: 400 of 1,000 prompt tokens\n"
            "  misses      300 first seen, 200 evicted, 50 granularity, 40 last token, 10 in "
            "flight\n"
            "batch         23.4 running on average, 64 at most; 12 waiting at most; 5,000 steps\n"
            "preemptions   3 (1 token recomputed)\n"
            "evictions     12; 0 copies on write\n"
            "\n"
            "times         measured: h200-llama, hold-out error 2.1 %\n"
            "identity      config c0ffee, trace beef, fingerprint f00d\n"
            "\n"
            "warning: 9 requests rejected: 4 longer than max_model_len, 5 larger than the KV "
            "memory\n"
            "warning: 1 request unfinished when the run ended\n"
            "warning: 2 rows of the trace skipped: no requests\n");
}

TEST(RunTable, WarnsOfNothingWhenNothingIsWrong) {
  Report r = some_report();
  r.requests = {1200, 1200, 0, 0, 0, 0, 0, {}, {}, {}, {}, {}};
  EXPECT_EQ(run_table(r).find("warning"), std::string::npos);
}

TEST(RunTable, SaysHowManyStepsWereExtrapolated) {
  Report r = some_report();
  EXPECT_EQ(run_table(r).find("beyond"), std::string::npos);
  r.provenance.cost_steps_outside = 1234;
  EXPECT_NE(run_table(r).find("1,234 of 5,000 steps beyond the shapes that were timed\n"),
            std::string::npos);
}

TEST(RunTable, IsAscii) {
  for (const char c : run_table(some_report())) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
}

TEST(RunTable, ShowsWhatEachTurnFound) {
  Report r = some_report();
  EXPECT_EQ(run_table(r).find("turn"), std::string::npos);
  r.prefix_cache.by_turn = {{0, 30, 4000, 0, 0}, {1, 20, 6000, 4500, 0.75}};
  const std::string expected =
      "turn  requests  prompt tokens     hit\n"
      "0           30          4,000   0.0 %\n"
      "1           20          6,000  75.0 %\n";
  EXPECT_NE(run_table(r).find(expected), std::string::npos) << run_table(r);
  r.prefix_cache.by_turn.resize(15);
  r.prefix_cache.by_turn.push_back({15, 2, 100, 50, 0.5});
  EXPECT_NE(run_table(r).find("15 and later"), std::string::npos) << run_table(r);
}

}  // namespace
}  // namespace kvsim
