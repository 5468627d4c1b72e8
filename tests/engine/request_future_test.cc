// The future against its definition, and `optimal` in whole runs.
#include "sim/engine/request_future.h"

#include <gtest/gtest.h>

#include "sim/core/input_error.h"
#include "sim/engine/experiment.h"
#include "sim/model/eviction_policy.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// The first request not yet passed whose prompt, but for its last token, starts with the same
// `until` tokens.
std::uint64_t next_by_definition(const std::vector<Request>& all, const RequestFuture& future,
                                 const Request& writer, Tokens until) {
  for (const Request& r : all) {
    if (future.passed(r.id) || until > r.prompt - Tokens(1)) continue;
    if (common_prefix(writer.content, Tokens(0), r.content, Tokens(0)) >= until) return r.id;
  }
  return Future::kNever;
}

TEST(RequestFuture, AnswersByDefinition) {
  constexpr std::uint32_t kBlock = 16;
  std::int64_t wanted = 0;
  for (std::uint64_t seed = 0; seed < repetitions(10U); ++seed) {
    const std::vector<Request> all = tiny::numbered(tiny::random_requests(seed, 60, 1));
    RequestFuture future([&] { return all; }, Tokens(kBlock));
    future.foresee();
    Rng rng(seed, "order");
    Sequence s;
    for (int round = 0; round < 60; ++round) {
      s.request.id = rng.below(all.size());  // admitted in any order
      future.on_admit({}, s, {}, {});
      for (const Request& writer : all) {
        const auto length = static_cast<std::uint64_t>((writer.prompt + writer.output).value());
        const auto depth = static_cast<std::uint32_t>(rng.below(length));
        const auto tokens = static_cast<std::uint32_t>(1 + rng.below(length - depth));
        const std::uint64_t next =
            future.next_use({.id = {}, .depth = depth, .tokens = tokens, .writer = writer.id});
        EXPECT_EQ(next, next_by_definition(all, future, writer,
                                           Tokens(depth + std::min(tokens, kBlock))));
        wanted += next != Future::kNever;
      }
    }
  }
  EXPECT_GT(wanted, 100);
}

// One request at a time, so that timing changes no order: then it is a bound.
TEST(Optimal, HitsAtLeastAsMuchAsAnyPolicyOneByOne) {
  std::int64_t gap = 0;
  for (std::uint64_t seed = 0; seed < repetitions(5U); ++seed) {
    for (const std::int64_t blocks : {60, 100, 200}) {
      tiny::World world;
      world.config.set("/scheduler/max_num_seqs", 1, "test");
      world.requests = tiny::random_requests(seed, 300, 1);
      world.capacity = world.block * blocks;
      const auto hits = [&](const std::string& policy) {
        world.config.set("/cache/eviction", policy, "test");
        return world.run().prefix_cache.hit_tokens;
      };
      const std::int64_t bound = hits("optimal");
      for (const std::string& policy : Registry<EvictionPolicy>::names()) {
        const std::int64_t its = hits(policy);
        EXPECT_LE(its, bound) << policy << ", seed " << seed << ", blocks " << blocks;
        gap = std::max(gap, bound - its);
      }
    }
  }
  EXPECT_GT(gap, 0);
}

void expect_refusal(const std::vector<std::string>& sets, const std::string& why) {
  ConfigView config;
  config.set("/cache/eviction=optimal");
  for (const std::string& set : sets) config.set(set);
  try {
    (void)run_experiment(config);
    FAIL() << "it ran";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "--set: /cache/eviction: optimal needs to know the future, which is unknown " + why);
  }
}

TEST(Optimal, RefusesWhatTheRunItselfDecides) {
  expect_refusal({}, "in a closed loop, where turns wait for answers; use a trace with arrivals");
  const std::string open = "/workload/generate/requests=20";
  expect_refusal({open, "/replicas=2"}, "where a router deals out requests; use /replicas=1");
  ConfigView config;
  config.set("/cache/eviction=optimal");
  config.set(open);
  EXPECT_EQ(run_experiment(config).requests.completed, 20);
}

}  // namespace
}  // namespace kvsim
