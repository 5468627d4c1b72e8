// The machine, by hand: small workloads whose every millisecond can be worked out on paper.
#include "sim/engine/engine.h"

#include <gtest/gtest.h>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::lonely;
using tiny::ms;
using tiny::request;
using tiny::World;

// One request, 10 ms a step: prompt in the first step (which samples token 1), then 4 decodes.
TEST(Engine, ServesOneRequestStepByStep) {
  World world;
  world.requests = {lonely(5, 100, 5)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.completed, 1);
  EXPECT_DOUBLE_EQ(report.ttft_ms.mean, 10);
  EXPECT_DOUBLE_EQ(report.tpot_ms.mean, 10);
  EXPECT_DOUBLE_EQ(report.e2e_ms.mean, 50);
  EXPECT_DOUBLE_EQ(report.queue_ms.mean, 0);
  EXPECT_EQ(report.batch.steps, 5);
  EXPECT_EQ(report.computed_tokens, 104) << "the last sampled token is never computed";
}

// B arrives while A's first step runs: it waits for that step to end.
TEST(Engine, AdmitsBetweenSteps) {
  World world;
  world.requests = {lonely(0, 10, 1), lonely(4, 10, 1)};
  const Report report = world.run();
  EXPECT_DOUBLE_EQ(report.queue_ms.max, 6);
  EXPECT_DOUBLE_EQ(report.ttft_ms.max, 16);
}

// Planned a step ahead, B joins the second step after the one it arrives in; but nobody waits for a
// step with nothing to do.
TEST(Engine, AdmitsAStepLaterWhereStepsArePlannedAhead) {
  World world;
  world.requests = {lonely(0, 10, 4), lonely(4, 10, 1)};
  EXPECT_DOUBLE_EQ(world.run().queue_ms.max, 6);
  world.config.set("/scheduler/async_scheduling", true, "test");
  const Report report = world.run();
  EXPECT_DOUBLE_EQ(report.queue_ms.max, 16);
  EXPECT_EQ(report.requests.completed, 2);
  world.requests = {lonely(0, 10, 1), lonely(4, 10, 1)};
  EXPECT_DOUBLE_EQ(world.run().queue_ms.max, 6);
}

// Everything that arrives at an instant is in the step planned at that instant.
TEST(Engine, PlansAfterAllArrivalsOfAnInstant) {
  World world;
  world.requests = {lonely(0, 10, 3), lonely(10, 10, 1), lonely(10, 10, 1)};
  const Report report = world.run();
  EXPECT_DOUBLE_EQ(report.queue_ms.max, 0);
  EXPECT_EQ(report.batch.max_running, 3);
}

TEST(Engine, RejectsWhatCanNeverFitAndServesTheRest) {
  World world;
  world.max_model_len = Tokens(2000);
  world.requests = {lonely(0, 1999, 2), lonely(0, 1601, 1), lonely(0, 1600, 1), lonely(0, 10, 2)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.total, 4);
  EXPECT_EQ(report.requests.rejected_too_long, 1);
  EXPECT_EQ(report.requests.rejected_too_large, 1) << "100 blocks of 16 hold 1,600 tokens";
  EXPECT_EQ(report.requests.completed, 2);
}

TEST(Engine, StopsAtTheHorizonAndCountsTheUnfinished) {
  World world;
  world.config = ConfigView::parse(R"({"until_s": 0.035})", "t");
  world.requests = {lonely(0, 10, 2), lonely(0, 10, 10), lonely(1000, 10, 1)};
  const Report report = world.run();
  EXPECT_EQ(report.requests.total, 2) << "the third never arrived";
  EXPECT_EQ(report.requests.completed, 1);
  EXPECT_EQ(report.requests.unfinished, 1);
}

TEST(Engine, RoundRobinSpreadsRequestsOverReplicas) {
  World world;
  world.config = ConfigView::parse(R"({"replicas": 2})", "t");
  world.requests = {lonely(0, 10, 4), lonely(0, 10, 4), lonely(0, 10, 4)};
  const Report report = world.run();
  EXPECT_EQ(report.batch.max_running, 2);
  EXPECT_EQ(report.requests.completed, 3);
  EXPECT_EQ(report.kv.capacity_blocks, 200);
}

// 40 shared tokens, then own ones. B's 2 whole shared blocks are hits: 32 of its 50 tokens.
TEST(Engine, AttributesEveryMissedToken) {
  World world;
  world.requests = {request(0, {{shared_content(1), 0, 40}, {shared_content(2), 0, 10}}, 1),
                    request(100, {{shared_content(1), 0, 40}, {shared_content(3), 0, 10}}, 1),
                    request(200, {{shared_content(1), 0, 32}}, 1)};
  const Report report = world.run();
  const Report::PrefixCache& cache = report.prefix_cache;
  EXPECT_EQ(cache.query_tokens, 132);
  EXPECT_EQ(cache.hit_tokens, 32 + 16) << "the third is fully cached but for its last block";
  EXPECT_EQ(cache.miss.first_seen, 50 + 10);
  EXPECT_EQ(cache.miss.granularity, 8);
  EXPECT_EQ(cache.miss.last_token, 16);
  EXPECT_EQ(cache.miss.capacity + cache.miss.in_flight, 0);
}

TEST(Engine, SameSeedSameFingerprint) {
  World world;
  world.requests = tiny::random_requests(7, 200, 3);
  const Report a = world.run();
  const Report b = world.run();
  EXPECT_EQ(a.provenance.fingerprint, b.provenance.fingerprint);
  world.price = [](const StepShape&) { return ms(10) + Duration(1); };
  EXPECT_NE(world.run().provenance.fingerprint, a.provenance.fingerprint);
}

}  // namespace
}  // namespace kvsim
