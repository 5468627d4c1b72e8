// What an explanation says must be what happened: sums equal the report's, small cases by hand.
#include "sim/engine/explain/explainer.h"

#include <gtest/gtest.h>

#include "sim/engine/explain/latency_book.h"
#include "sim/engine/explain/scene_painter.h"
#include "sim/model/allocator.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// Four blocks. A's prompt is three of them, then B's three push it out, then A comes again.
tiny::World one_lost_prompt() {
  tiny::World world;
  world.capacity = Tokens(16 * 5);
  world.price = [](const StepShape& shape) { return tiny::ms(1) * shape.tokens().value(); };
  const std::vector<Span> a{{shared_content(1), 0, 48}};
  const std::vector<Span> b{{shared_content(2), 0, 48}};
  world.requests = {tiny::request(0, a, 2), tiny::request(1000, b, 2), tiny::request(2000, a, 2)};
  return world;
}

TEST(Explainer, NamesTheEvictionThatAMissCameFrom) {
  Explainer explainer(5);
  const Report report = one_lost_prompt().run({&explainer});
  const Explanation why = explainer.result();
  // Two blocks of 16 can be found again; the third holds the last token.
  EXPECT_EQ(report.prefix_cache.hit_tokens, 0);
  EXPECT_EQ(why.capacity.tokens, 32);
  EXPECT_EQ(why.regret.tokens, 32) << "all of it was evicted";
  EXPECT_NEAR(why.capacity.seconds, 0.032, 1e-12) << "at a millisecond per token";
  ASSERT_FALSE(why.worst_evictions.empty());
  // B's prompt took A's tail, its first token A's head.
  ASSERT_EQ(why.worst_evictions.size(), 2U);
  const Explanation::Evicted& tail = why.worst_evictions[0];
  EXPECT_EQ(tail.writer, 0U);
  EXPECT_EQ(tail.needed_by, 1U) << "B needed the room";
  EXPECT_EQ(tail.depth, 16);
  EXPECT_EQ(tail.tokens, 32);
  EXPECT_EQ(tail.wanted.tokens, 16);
  EXPECT_NEAR(tail.idle_s, 0.951, 1e-9) << "from A's end at 49 ms to 1 s";
  EXPECT_EQ(why.worst_evictions[1].depth, 0);
  EXPECT_NEAR(why.worst_evictions[1].at_s, 1.048, 1e-9) << "when B's prompt was done";
  ASSERT_EQ(why.worst_pieces.size(), 1U);
  EXPECT_EQ(why.worst_pieces[0].request, 0U);
  EXPECT_EQ(why.worst_pieces[0].tokens, 48);
  EXPECT_EQ(why.worst_pieces[0].asked, 2);
}

TEST(Explainer, TellsWhereLatencyGoes) {
  tiny::World world = one_lost_prompt();
  world.requests[1].arrival = tiny::at_ms(10);  // while A is being prefilled, 48 ms long
  world.config.set("/scheduler/max_num_seqs", 1, "test");
  LatencyBook book;
  (void)world.run({&book});
  const Explanation::Tail tail = book.tail(3);
  ASSERT_EQ(tail.requests, 1);
  EXPECT_EQ(tail.worst[0].request, 1U);
  EXPECT_NEAR(tail.worst[0].queue_s, 0.039, 1e-9) << "from 10 ms to A's end at 49 ms";
  EXPECT_NEAR(tail.worst[0].prefill_s, 0.048, 1e-9);
  EXPECT_NEAR(tail.worst[0].decode_s, 0.001, 1e-9);
}

TEST(StepPainter, DrawsAStep) {
  StepPainter painter(2);  // B's prompt
  (void)one_lost_prompt().run({&painter});
  ASSERT_TRUE(painter.scene());
  const StepScene& scene = *painter.scene();
  EXPECT_EQ(painter.steps(), 6U);
  EXPECT_EQ(scene.start, tiny::at_ms(1000));
  ASSERT_EQ(scene.work.size(), 1U);
  EXPECT_EQ(scene.work[0].request, 1U);
  EXPECT_EQ(scene.work[0].compute, Tokens(48));
  ASSERT_EQ(scene.evicted.size(), 2U) << "one block was blank, one never full";
  EXPECT_EQ(scene.evicted[0].entry.depth, 32U) << "tails go first";
  ASSERT_EQ(scene.map.tables.size(), 1U);
  EXPECT_EQ(scene.map.tables[0].blocks.size(), 3U);
}

TEST(LifePainter, TellsALife) {
  LifePainter painter(2);
  (void)one_lost_prompt().run({&painter});
  const RequestLife& life = painter.life();
  using Event = RequestLife::Event;
  std::vector<Event> events;
  for (const RequestLife::Moment& m : life.moments) events.push_back(m.event);
  EXPECT_EQ(events,
            (std::vector{Event::kArrived, Event::kMadeRoom, Event::kAdmitted, Event::kPrefilled,
                         Event::kFirstToken, Event::kMadeRoom, Event::kFinished}));
  EXPECT_EQ(life.fate.capacity, Tokens(32));
  EXPECT_EQ(life.finished_at, tiny::at_ms(2049));
}

class EveryAllocatorExplained : public testing::TestWithParam<std::string> {};

// Every missed token has its reason; every reason its time; and all time is somebody's.
TEST_P(EveryAllocatorExplained, SumsToTheReport) {
  std::int64_t regret = 0;
  std::int64_t recomputed = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(repetitions(30)); ++seed) {
    tiny::World world;
    world.config.set("/cache/allocator", GetParam(), "test");
    world.config.set("/cache/reserve", "oracle", "test");
    world.config.set("/replicas", 1 + static_cast<int>(seed % 2), "test");
    world.config.set("/scheduler/max_num_batched_tokens", 96, "test");
    world.capacity = Tokens(16 * static_cast<std::int64_t>(40 + seed % 30));
    world.price = [](const StepShape& shape) {
      return Duration(1'000'000 + 5'000 * shape.tokens().value());
    };
    world.requests = tiny::random_requests(seed, 150, 5);
    Explainer explainer(1000);
    const Report report = world.run({&explainer});
    const Explanation why = explainer.result();
    EXPECT_EQ(why.evictions > 0, report.evictions > 0);
    EXPECT_EQ(why.preemptions, report.preemptions);
    EXPECT_LE(why.regret.tokens, why.capacity.tokens);
    EXPECT_LE(why.regret.seconds, why.capacity.seconds + 1e-9);
    EXPECT_LE(why.recomputed.tokens, report.recomputed_tokens);
    if (report.prefix_cache.query_tokens > 0) {
      const Report::PrefixCache& cache = report.prefix_cache;
      EXPECT_EQ(why.queries, cache.query_tokens);
      EXPECT_EQ(why.hits, cache.hit_tokens);
      EXPECT_EQ(why.capacity.tokens, cache.miss.capacity);
      EXPECT_EQ(why.in_flight.tokens, cache.miss.in_flight);
      EXPECT_EQ(why.last_token.tokens, cache.miss.last_token);
      EXPECT_EQ(why.granularity.tokens, cache.miss.granularity);
      EXPECT_EQ(why.first_seen.tokens, cache.miss.first_seen);
      EXPECT_EQ(why.queries, why.hits + why.capacity.tokens + why.in_flight.tokens +
                                 why.last_token.tokens + why.granularity.tokens +
                                 why.first_seen.tokens);
    }
    std::int64_t pieces = 0;
    for (const Explanation::Piece& piece : why.worst_pieces) pieces += piece.wanted.tokens;
    std::int64_t entries = 0;
    for (const Explanation::Evicted& gone : why.worst_evictions) entries += gone.wanted.tokens;
    EXPECT_EQ(pieces, why.regret.tokens);
    EXPECT_EQ(entries, why.regret.tokens);
    const double accounted = why.capacity.seconds + why.in_flight.seconds + why.last_token.seconds +
                             why.granularity.seconds + why.first_seen.seconds +
                             why.recomputed.seconds;
    EXPECT_LE(accounted, why.step_seconds + 1e-9);
    EXPECT_GT(accounted, 0);
    regret += why.regret.tokens;
    recomputed += why.recomputed.tokens;
  }
  EXPECT_EQ(regret > 0, GetParam() != "contiguous") << "nothing was ever wanted again";
  EXPECT_EQ(recomputed > 0, GetParam() != "contiguous") << "nobody was ever preempted";
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryAllocatorExplained,
                         testing::ValuesIn(Registry<Allocator>::names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace kvsim
