// What the turns of conversations find in the cache, with time to think between them.
#include <gtest/gtest.h>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

/// `sessions` conversations of four turns, one starting every second. Each turn adds 100 tokens to
/// the prompt and gets 50 for an answer, a minute after the last one.
Report served(std::int64_t sessions, Tokens capacity) {
  ConfigView config = ConfigView::parse(R"({"workload": {
      "generate": {"prompt": {"law": "constant", "mean": 100},
                   "output": {"law": "constant", "mean": 50},
                   "turns": {"law": "constant", "mean": 4},
                   "think_s": {"law": "constant", "mean": 60}},
      "arrivals": {"process": "constant", "rate": 1}}})",
                                        "a.json");
  config.set("/workload/generate/requests", 4 * sessions, "test");
  const auto workload = Registry<WorkloadSource>::make("generated", {config, 0});
  const tiny::PriceList cost([](const StepShape&) { return tiny::ms(10); });
  return simulate({config, *workload, {{config, cost, capacity, Tokens(16), Tokens(4096), {}}}}, {},
                  {});
}

TEST(Turns, FindAllOfTheLastTurnButItsPartialBlock) {
  const std::int64_t sessions = 20;
  const Report report = served(sessions, Tokens(16 * 10'000));
  const auto& turns = report.prefix_cache.by_turn;
  ASSERT_EQ(turns.size(), 4U);
  for (const auto& turn : turns) {
    EXPECT_EQ(turn.requests, sessions);
    EXPECT_EQ(turn.query_tokens, sessions * (100 + 150 * turn.turn));
    // Prompt and answer of the last turn; its last token was sampled, but never computed.
    const std::int64_t computed = turn.turn == 0 ? 0 : 150 * turn.turn - 1;
    EXPECT_EQ(turn.hit_tokens, sessions * (computed / 16 * 16)) << turn.turn;
    EXPECT_DOUBLE_EQ(turn.hit_rate,
                     static_cast<double>(turn.hit_tokens) / static_cast<double>(turn.query_tokens));
  }
}

TEST(Turns, LoseASmallCacheWhileTheUserThinks) {
  // Sixty blocks hold one conversation, not the twenty that come between two of its turns.
  const Report report = served(20, Tokens(16 * 61));
  for (const auto& turn : report.prefix_cache.by_turn) EXPECT_EQ(turn.hit_tokens, 0) << turn.turn;
  EXPECT_GT(report.prefix_cache.miss.capacity, 0);
}

TEST(Turns, AddUpToTheWhole) {
  for (const std::int64_t blocks : {61, 200, 400, 10'000}) {
    const Report::PrefixCache cache = served(30, Tokens(16 * blocks)).prefix_cache;
    std::int64_t queries = 0;
    std::int64_t hits = 0;
    for (const auto& turn : cache.by_turn) {
      queries += turn.query_tokens;
      hits += turn.hit_tokens;
    }
    EXPECT_EQ(queries, cache.query_tokens);
    EXPECT_EQ(hits, cache.hit_tokens);
  }
}

}  // namespace
}  // namespace kvsim
