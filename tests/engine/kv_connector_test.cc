// KV that comes from elsewhere: who waits for it, what it delays, what it saves.

#include "sim/model/kv_connector.h"

#include <gtest/gtest.h>

#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::at_ms;
using tiny::ms;

// Has the first `stock` tokens of every prompt, and brings what is asked for in a fixed time.
class Warehouse final : public KvConnector {
 public:
  struct Terms {
    Tokens stock;
    Duration takes{};
    bool apart = true;
  };
  explicit Warehouse(const Terms& terms) : terms_(terms) {}
  [[nodiscard]] Tokens offer(const Sequence& s, Tokens hit, Time /*now*/) override {
    return std::max(Tokens(0), std::min(terms_.stock, s.request.prompt - Tokens(1)) - hit);
  }
  [[nodiscard]] Time load(const Sequence& /*s*/, Tokens /*hit*/, Tokens count, Time now) override {
    brought += count;
    return now + terms_.takes;
  }
  [[nodiscard]] bool loads_apart(const Sequence& /*s*/) const override { return terms_.apart; }
  void arrived(const Sequence& /*s*/, Time /*now*/) override { ++arrivals; }
  void computed(const Sequence& s, Time /*now*/) override { last_computed = s.computed; }

  Tokens brought, last_computed;
  int arrivals = 0;

 private:
  Terms terms_;
};

// A step takes 10 ms and 1 ms for each token of a prompt.
Duration by_prompt(const StepShape& shape) { return ms(10) + ms(1) * shape.prefill_new.value(); }

tiny::World world_of(std::vector<Request> requests, Warehouse& warehouse) {
  tiny::World world;
  world.requests = std::move(requests);
  world.price = by_prompt;
  world.connectors = {&warehouse};
  return world;
}

TEST(KvConnector, WhatIsLoadedApartIsWaitedForAndNotComputed) {
  Warehouse warehouse({Tokens(96), ms(500)});
  const Report r = world_of({tiny::lonely(0, 100, 1)}, warehouse).run();
  // 500 ms for the load, then a step over the last 4 tokens.
  EXPECT_EQ(r.ttft_ms.mean, 500 + 10 + 4);
  EXPECT_EQ(r.queue_ms.mean, 500);  // vLLM's way: it waits until it is scheduled
  EXPECT_EQ(r.computed_tokens, 4);
  EXPECT_EQ(r.prefix_cache.hit_tokens, 0);
  ASSERT_TRUE(r.prefix_cache.loaded);
  EXPECT_EQ(r.prefix_cache.loaded->tokens, 96);
  EXPECT_EQ(warehouse.arrivals, 1);
  EXPECT_EQ(warehouse.last_computed, Tokens(100));
}

TEST(KvConnector, WhoWaitsLetsOthersPass) {
  Warehouse warehouse({Tokens(96), ms(500)});
  // The second has nothing in the warehouse: its prompt is one token.
  const Report r = world_of({tiny::lonely(0, 100, 1), tiny::lonely(1, 1, 2)}, warehouse).run();
  EXPECT_EQ(r.requests.completed, 2);
  EXPECT_EQ(r.ttft_ms.mean, (514 + 11) / 2.0);
}

TEST(KvConnector, WhatIsLoadedWithTheStepMakesItLonger) {
  Warehouse warehouse({Tokens(96), ms(500), false});
  const Report slow = world_of({tiny::lonely(0, 100, 1)}, warehouse).run();
  EXPECT_EQ(slow.ttft_ms.mean, 500);  // the step's own 14 ms pass meanwhile
  Warehouse quick({Tokens(96), ms(3), false});
  EXPECT_EQ(world_of({tiny::lonely(0, 100, 1)}, quick).run().ttft_ms.mean, 14);
}

TEST(KvConnector, WhatWasLoadedIsCachedOnceItIsThere) {
  Warehouse warehouse({Tokens(96), ms(500)});
  const std::vector<Span> prompt{{shared_content(1), 0, 100}};
  // One asks while the other still loads, and loads as well; the third finds it.
  const Report r = world_of({tiny::request(0, prompt, 1), tiny::request(100, prompt, 1),
                             tiny::request(2000, prompt, 1)},
                            warehouse)
                       .run();
  EXPECT_EQ(warehouse.brought, Tokens(192));
  EXPECT_EQ(r.prefix_cache.hit_tokens, 96);
}

TEST(KvConnector, SglangBatchesLoadWithTheirPrefill) {
  for (const char* allocator : {"radix", "paged"}) {
    Warehouse warehouse({Tokens(96), ms(500), false});
    tiny::World world = world_of({tiny::lonely(0, 100, 1)}, warehouse);
    world.config.set(std::string("/cache/allocator=") + allocator);
    world.config.set("/scheduler/batching=sglang");
    const Report r = world.run();
    EXPECT_EQ(r.ttft_ms.mean, 500) << allocator;
    EXPECT_EQ(r.computed_tokens, 4) << allocator;
  }
}

// Two hold all memory between them and neither can go on: one gives way.
TEST(KvConnector, NobodyWaitsForEverForMemoryHeldByWaiters) {
  Warehouse warehouse({Tokens(800), ms(50)});
  tiny::World world = world_of({tiny::lonely(0, 801, 100), tiny::lonely(0, 801, 100)}, warehouse);
  world.config.set("/verify=contents");
  const Report r = world.run();
  EXPECT_EQ(r.requests.completed, 2);
}

TEST(KvConnector, RandomLoadsLoseNothing) {
  for (int seed = 0; seed < repetitions(60); ++seed) {
    Rng rng(static_cast<std::uint64_t>(seed), "kv_connector_test");
    Warehouse warehouse({Tokens(static_cast<std::int64_t>(rng.below(300))),
                         ms(static_cast<double>(rng.below(200))), rng.below(3) > 0});
    tiny::World world =
        world_of(tiny::random_requests(static_cast<std::uint64_t>(seed), 40, 30), warehouse);
    world.capacity = Tokens(16 * static_cast<std::int64_t>(26 + rng.below(60)));
    world.config.set(rng.below(2) == 0 ? "/cache/allocator=paged" : "/cache/allocator=radix");
    world.config.set("/verify=contents");
    const Report r = world.run();
    SCOPED_TRACE(seed);
    EXPECT_EQ(r.requests.total, r.requests.completed + r.requests.rejected);
    EXPECT_EQ(r.kv.held_at_end_tokens, 0);
    const Report::PrefixCache& cache = r.prefix_cache;
    EXPECT_EQ(cache.query_tokens, cache.hit_tokens + (cache.loaded ? cache.loaded->tokens : 0) +
                                      cache.miss.first_seen + cache.miss.capacity +
                                      cache.miss.granularity + cache.miss.last_token +
                                      cache.miss.in_flight);
  }
}

}  // namespace
}  // namespace kvsim
