// What every registered router must do, over random workloads; a new one is tested here unasked.
// And what knowing caches is worth, in whole runs.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "sim/model/prefix_hashes.h"
#include "sim/model/router.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

class Destinations final : public Observer {
 public:
  void on_arrival(Time /*now*/, const Request& r, ReplicaId where) override { sent_[r.id] = where; }
  std::map<std::uint64_t, ReplicaId> sent_;
};

tiny::World world_of(const std::string& router, std::uint64_t seed) {
  tiny::World world;
  world.config.set("/routing", router, "test");
  world.config.set("/replicas", 1 + seed % 5, "test");
  world.config.set("/seed", seed, "test");
  world.config.set("/verify", "books", "test");
  world.price = [](const StepShape& shape) {
    return Duration(1'000'000 + 20'000 * shape.tokens().value());
  };
  world.requests = tiny::random_requests(seed, 150, 4);
  return world;
}

class EveryRouter : public testing::TestWithParam<std::string> {};

TEST_P(EveryRouter, SendsEverybodySomewhereAndTheSameAgain) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const tiny::World world = world_of(GetParam(), seed);
    Destinations first;
    Destinations second;
    const Report report = world.run({&first});
    EXPECT_EQ(report.requests.completed, 150);
    EXPECT_EQ(first.sent_.size(), 150);
    for (const auto& [id, where] : first.sent_) EXPECT_LT(where.index, 1 + seed % 5);
    EXPECT_EQ(world.run({&second}).provenance.fingerprint, report.provenance.fingerprint);
    EXPECT_EQ(first.sent_, second.sent_);
  }
}

// Of the replicas offered one is chosen, whatever their numbers.
TEST_P(EveryRouter, ChoosesAmongTheOffered) {
  const ConfigView config;
  const auto router = Registry<Router>::make(GetParam(), {7, config});
  Rng rng(7, "offers");
  for (const Request& r : tiny::random_requests(7, 300, 1)) {
    std::vector<ReplicaView> views;
    for (std::uint32_t i = 0; i < 9; ++i)
      if (rng.below(3) == 0)
        views.push_back({ReplicaId{i}, rng.below(9), 0, Tokens(5), {}, Tokens(16)});
    if (views.empty()) continue;
    const ReplicaId where = router->route(r.arrival, r, views);
    EXPECT_TRUE(std::any_of(views.begin(), views.end(),
                            [where](const ReplicaView& view) { return view.id == where; }));
  }
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryRouter, testing::ValuesIn(Registry<Router>::names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Prompts that start with one of 8 topics of 640 tokens, 40 ms each, on 4 replicas that each keep
// two topics. Blind, a replica sees them all and finds one in four.
tiny::World topics(const std::string& router, double gap_ms) {
  tiny::World world;
  world.config.set("/routing", router, "test");
  world.config.set("/replicas", 4, "test");
  Rng rng(1, "topics");
  for (int i = 0; i < 800; ++i)
    world.requests.push_back(
        tiny::request(gap_ms * i,
                      {{shared_content(rng.below(8)), 0, 640},
                       {private_content(10'000 + static_cast<std::uint64_t>(i)), 0, 40}},
                      4));
  return world;
}

double hit_rate(const tiny::World& world) { return world.run().prefix_cache.hit_rate; }

TEST(Routing, KnowingPrefixesRaisesTheHitRate) {
  const double blind = hit_rate(topics("round-robin", 15));
  EXPECT_NEAR(blind, 640.0 / 680 / 4, 0.05);
  EXPECT_GT(hit_rate(topics("prefix-affinity", 15)), blind + 0.2);
  EXPECT_GT(hit_rate(topics("cache-aware", 15)), blind + 0.2);
  EXPECT_GT(hit_rate(topics("kv-events", 45)), blind + 0.2) << "it gives more to load";
}

TEST(Routing, LateNewsOfCachesIsWorthLess) {
  std::vector<double> rates;
  for (const double lag_ms : {0.0, 500.0, 1e6}) {
    tiny::World world = topics("kv-events", 45);
    world.config.set("/router/kv_event_lag_ms", lag_ms, "test");
    rates.push_back(hit_rate(world));
  }
  EXPECT_GE(rates[0], rates[1]);
  EXPECT_GT(rates[1], rates[2] + 0.1);
}

// With news at once and one request at a time a router knows all that a replica has: what it found
// there is what it was told, through evictions.
class Informed final : public Router {
 public:
  explicit Informed(const Setup& /*setup*/) {}
  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& r,
                                std::span<const ReplicaView> replicas) override {
    std::vector<std::uint64_t> hashes;
    append_prefix_hashes(r, r.prompt - Tokens(1), replicas[0].block, hashes);
    const auto known = std::find_if(hashes.begin(), hashes.end(),
                                    [](std::uint64_t hash) { return !cached.contains(hash); });
    expected[r.id] = replicas[0].block * (known - hashes.begin());
    return replicas[0].id;
  }
  [[nodiscard]] bool listens() const override { return true; }
  void learn(const KvEvent& event) override {
    if (event.kind == KvEvent::Kind::kStored)
      cached.insert(event.block);
    else
      cached.erase(event.block);
  }
  static inline std::set<std::uint64_t> cached;
  static inline std::map<std::uint64_t, Tokens> expected;
};

class Found final : public Observer {
 public:
  void on_admit(Time /*now*/, const Sequence& s, Tokens hit, ReplicaId /*where*/) override {
    EXPECT_EQ(hit, Informed::expected[s.request.id]) << "request " << s.request.id;
    hits_ += hit;
  }
  Tokens hits_;
};

TEST(Routing, KvEventsTellAllThatACacheHolds) {
  Registry<Router>::entries()["informed"] = {
      [](const Router::Setup& setup) { return std::make_unique<Informed>(setup); }, "", ""};
  for (const char* allocator : {"paged", "radix"}) {
    Informed::cached.clear();
    tiny::World world;
    world.config.set("/cache/allocator", allocator, "test");
    world.config.set("/routing", "informed", "test");
    world.capacity = Tokens(16 * 40);
    world.requests = tiny::random_requests(5, 300, 1);
    for (std::size_t i = 0; i < world.requests.size(); ++i)
      world.requests[i].arrival = tiny::at_ms(1000.0 * static_cast<double>(i));
    Found found;
    const Report report = world.run({&found});
    EXPECT_GT(report.evictions, 100);
    EXPECT_GT(found.hits_, Tokens(1000));
  }
  Registry<Router>::entries().erase("informed");
}

TEST(Routing, ASessionStaysWhereItStarted) {
  tiny::World world;
  world.config.set("/routing", "session-sticky", "test");
  world.config.set("/replicas", 5, "test");
  world.requests = tiny::random_requests(3, 200, 5);
  for (std::size_t i = 0; i < world.requests.size(); ++i) world.requests[i].session = i % 17;
  Destinations sent;
  (void)world.run({&sent});
  for (const auto& [id, where] : sent.sent_) EXPECT_EQ(where, sent.sent_[id % 17]) << id;
}

}  // namespace
}  // namespace kvsim
