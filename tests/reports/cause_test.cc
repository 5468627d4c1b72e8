// The figures behind a difference: those that moved most, and no others.
#include "reports/cause.h"

#include <gtest/gtest.h>

namespace kvsim {
namespace {

Figures base() {
  return {{"kv.capacity_blocks", 2048},
          {"kv.waste.internal", 0.004},
          {"prefix_cache.hit_rate", 0.65},
          {"prefix_cache.miss.capacity", 1000},
          {"prefix_cache.query_tokens", 10000},
          {"preemptions", 0},
          {"computed_tokens", 50000},
          {"batch.mean_running", 3},
          {"kv.held_at_end_tokens", 0},
          {"e2e_ms avg", 100},
          {"queue_ms avg", 10}};
}

Figures with(Figures figures, const Figures& changed) {
  for (const auto& [key, value] : changed) figures[key] = value;
  return figures;
}

TEST(WhatMoved, IsNothingBetweenEquals) {
  EXPECT_EQ(what_moved(base(), base(), " -> ", "e2e_ms avg"), "");
}

TEST(WhatMoved, NamesTheFigureAndBothItsValues) {
  EXPECT_EQ(what_moved(base(), with(base(), {{"kv.capacity_blocks", 2028}}), " -> ", "ttft_ms avg"),
            "KV blocks 2,048 -> 2,028");
}

TEST(WhatMoved, TellsTheThreeLargestInTheOrderOfTheServer) {
  const Figures worse = with(base(), {{"kv.waste.internal", 0.0045},
                                      {"prefix_cache.hit_rate", 0.45},
                                      {"prefix_cache.miss.capacity", 3000},
                                      {"computed_tokens", 70000},
                                      {"batch.mean_running", 3.1}});
  EXPECT_EQ(what_moved(base(), worse, " -> ", "ttft_ms avg"),
            "hit rate 65.00 % -> 45.00 %, prompt evicted and wanted again 10.00 % -> 30.00 %, "
            "tokens computed 50,000 -> 70,000");
}

TEST(WhatMoved, PutsALeakBeforeEverything) {
  const Figures leak = with(base(), {{"kv.held_at_end_tokens", 320}, {"computed_tokens", 50500}});
  EXPECT_TRUE(what_moved(base(), leak, " -> ", "ttft_ms avg")
                  .starts_with("tokens still held at the end (a leak) 0 -> 320"));
}

TEST(WhatMoved, ExplainsNoFigureByItself) {
  const Figures slow = with(base(), {{"itl_ms p(50)", 9}, {"itl_ms p(99)", 30}});
  const Figures fast = with(base(), {{"itl_ms p(50)", 8}, {"itl_ms p(99)", 20}});
  EXPECT_EQ(what_moved(fast, slow, " -> ", "e2e_ms avg"),
            "ms between tokens (median) 8.00 -> 9.00");
  EXPECT_EQ(what_moved(fast, slow, " -> ", "itl_ms p(99)"), "");
}

// Latency is queueing and service: 40 ms slower, of which 30 queued.
TEST(WhatMoved, SharesOutAMeanLatencyExactly) {
  const Figures slow = with(base(), {{"e2e_ms avg", 140}, {"queue_ms avg", 40}});
  EXPECT_EQ(what_moved(base(), slow, " -> ", "e2e_ms avg"), "queueing is 75 % of the difference");
  EXPECT_EQ(what_moved(base(), slow, " -> ", "e2e_ms p(99)"), "") << "percentiles do not add up";
  const Figures faster_service = with(base(), {{"e2e_ms avg", 140}, {"queue_ms avg", 60}});
  EXPECT_EQ(what_moved(base(), faster_service, " -> ", "e2e_ms avg"),
            "queueing is all of the difference and more");
}

// A baseline may hold a few figures only; what it does not know has not moved.
TEST(WhatMoved, PassesOverWhatOneSideDoesNotKnow) {
  const Figures few{{"preemptions", 0}, {"prefix_cache.miss.capacity", 1}};
  EXPECT_EQ(what_moved(few, with(base(), {{"preemptions", 2}}), " -> ", "x"), "preemptions 0 -> 2");
}

TEST(StateOf, SaysWhatARunSaysOfItself) {
  EXPECT_EQ(state_of({{"queue_ms avg", 80},
                      {"ttft_ms avg", 100},
                      {"kv.usage avg", 0.9},
                      {"kv.waste", 0.1},
                      {"prefix_cache.query_tokens", 100},
                      {"prefix_cache.hit_rate", 0.5},
                      {"prefix_cache.miss.capacity", 20},
                      {"preemptions", 7}}),
            "queueing is 80 % of the mean TTFT, KV usage 90.0 % on average, waste 10.0 %, hit rate "
            "50.0 %, 20.0 % of the prompt evicted and wanted again, 7 preemptions");
}

}  // namespace
}  // namespace kvsim
