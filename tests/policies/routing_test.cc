// Each router's point, on fleets made by hand. What every router must do is in
// tests/engine/fleet/routing_laws_test.cc.
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "sim/model/prefix_hashes.h"
#include "sim/model/router.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// Replicas whose load is what was sent to them.
struct Fleet {
  explicit Fleet(std::size_t replicas) {
    for (std::uint32_t i = 0; i < replicas; ++i)
      views.push_back({ReplicaId{i}, 0, 0, Tokens(0), {}, Tokens(16)});
  }
  std::uint32_t send(Router& router, const Request& r, double at_s = 0) {
    const ReplicaId where = router.route(Time(round_to_ns(at_s)), r, views);
    for (ReplicaView& view : views) {
      if (view.id != where) continue;
      ++view.waiting;
      view.outstanding += r.prompt;
    }
    return where.index;
  }
  [[nodiscard]] std::size_t fullest() const {
    std::size_t most = 0;
    for (const ReplicaView& view : views) most = std::max(most, view.waiting);
    return most;
  }
  std::vector<ReplicaView> views;
};

std::unique_ptr<Router> make(const std::string& name, std::uint64_t seed = 0,
                             const std::vector<std::string>& sets = {}) {
  ConfigView config;
  for (const std::string& assignment : sets) config.set(assignment);
  return Registry<Router>::make(name, {seed, config});
}

// A prompt of `shared` tokens that all of `topic` start with, and 40 of its own.
Request about(std::uint64_t topic, std::int64_t shared = 160) {
  static std::uint64_t next = 1;
  return tiny::request(0, {{shared_content(topic), 0, shared}, {private_content(next++), 0, 40}},
                       1);
}

// Mitzenmacher 2001: of 4,096 balls in as many bins the fullest holds log log n + O(1) with two
// choices (his table: 3 or 4), log n / log log n (1 + o(1)) with one (his table: 6 to 9).
TEST(PowerOfTwo, KeepsTheFullestReplicaFarBelowRandom) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Fleet one(4096);
    Fleet two(4096);
    const auto random = make("random", seed);
    const auto power = make("power-of-two", seed);
    const Request r = tiny::lonely(0, 10, 1);
    for (int i = 0; i < 4096; ++i) {
      one.send(*random, r);
      two.send(*power, r);
    }
    EXPECT_GE(one.fullest(), 5);
    EXPECT_LE(two.fullest(), 4);
  }
}

// A fair die of 8 sides, 80,000 times: each comes up within 5 standard deviations of 10,000.
TEST(Random, IsFair) {
  Fleet fleet(8);
  const auto router = make("random");
  const Request r = tiny::lonely(0, 10, 1);
  for (int i = 0; i < 80'000; ++i) fleet.send(*router, r);
  for (const ReplicaView& view : fleet.views)
    EXPECT_NEAR(static_cast<double>(view.waiting), 10'000, 5 * std::sqrt(80'000 * 7.0 / 64));
}

TEST(LeastLoaded, CountsAFastReplicasTokensForLess) {
  Fleet fleet(2);
  fleet.views[1].weight = 3;
  const auto router = make("least-loaded");
  for (int i = 0; i < 400; ++i) fleet.send(*router, tiny::lonely(0, 10, 1));
  EXPECT_EQ(fleet.views[1].waiting, 300);
}

TEST(SessionSticky, SendsASessionToOneReplicaAndSpreadsTheSessions) {
  Fleet fleet(4);
  const auto router = make("session-sticky");
  std::map<std::uint64_t, std::set<std::uint32_t>> served;
  for (int i = 0; i < 4000; ++i) {
    Request r = tiny::lonely(0, 10, 1);
    r.session = static_cast<std::uint64_t>(i % 1000);
    served[r.session].insert(fleet.send(*router, r));
  }
  for (const auto& [session, where] : served) EXPECT_EQ(where.size(), 1) << session;
  for (const ReplicaView& view : fleet.views)
    EXPECT_NEAR(static_cast<double>(view.waiting) / 4, 250, 5 * std::sqrt(1000 * 3.0 / 16));
}

// Rendezvous hashing: without a replica only its own sessions move; twice the weight, twice the
// sessions.
TEST(SessionSticky, MovesOnlyTheSessionsOfWhoIsGone) {
  Fleet whole(4);
  whole.views[2].weight = 2;
  Fleet without = whole;
  without.views.erase(without.views.begin() + 1);
  const auto router = make("session-sticky");
  for (std::uint64_t session = 0; session < 5000; ++session) {
    Request r = tiny::lonely(0, 10, 1);
    r.session = session;
    const std::uint32_t before = whole.send(*router, r);
    const std::uint32_t after = without.send(*router, r);
    EXPECT_TRUE(before == 1 || after == before);
  }
  EXPECT_NEAR(static_cast<double>(whole.views[2].waiting), 2000, 5 * std::sqrt(5000 * 0.24));
}

// Prompts of 12 whole blocks, of which a topic's first 10 are alike: 3 * 10 / 12 = 2.5 for who was
// sent them, 2 for an empty queue.
TEST(PrefixAffinity, WeighsWhatWasSentAgainstTheQueue) {
  const auto router = make("prefix-affinity", 0, {"/router/index_ttl_s=10"});
  Fleet fleet(3);
  fleet.views[1].running = fleet.views[2].running = 1;
  EXPECT_EQ(router->route(tiny::at_ms(0), about(1), fleet.views).index, 0);
  fleet.views[0].running = 9;
  fleet.views[1].running = 0;
  EXPECT_EQ(router->route(tiny::at_ms(0), about(2), fleet.views).index, 1)
      << "where nothing is known, the fewest requests";
  fleet.views[0].waiting = 9;
  EXPECT_EQ(router->route(tiny::at_ms(5000), about(1), fleet.views).index, 0) << "2.5 against 2";
  EXPECT_EQ(router->route(tiny::at_ms(5000), about(3, 32), fleet.views).index, 1);
  fleet.views[1].waiting = 8;
  EXPECT_EQ(router->route(tiny::at_ms(5000), about(3, 32), fleet.views).index, 2)
      << "3 * 2 / 4 and 2 / 9 against 2";
  EXPECT_NE(router->route(tiny::at_ms(16'000), about(1), fleet.views).index, 0) << "too long ago";
}

TEST(PrefixAffinity, RemembersSoManyBlocks) {
  const auto router = make("prefix-affinity", 0, {"/router/index_blocks=40"});
  Fleet alone(1);
  for (const std::uint64_t topic : {7, 8, 9, 10, 11}) alone.send(*router, about(topic));
  Fleet both(2);
  both.views[0].waiting = 50;
  EXPECT_EQ(router->route({}, about(11), both.views).index, 0);
  EXPECT_EQ(router->route({}, about(7), both.views).index, 1) << "48 blocks ago";
}

TEST(CacheAware, FollowsPrefixesOnlyWhileTheLoadIsBalanced) {
  const auto router = make("cache-aware", 0, {"/router/balance_abs_threshold=8"});
  Fleet fleet(2);
  const std::uint32_t home = fleet.send(*router, about(1));
  const std::uint32_t other = 1 - home;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(fleet.send(*router, about(1)), home) << i;
  EXPECT_EQ(fleet.send(*router, about(2)), other) << "unknown, to the idlest";
  fleet.views[other].waiting = 0;
  EXPECT_EQ(fleet.send(*router, about(1)), other) << "9 against 0 is more than 8 apart";
  fleet.views[home].waiting = 0;
  EXPECT_EQ(fleet.send(*router, about(3)), home);
  fleet.views[home].waiting = 30;
  fleet.views[other].waiting = 21;
  EXPECT_EQ(router->route({}, about(3), fleet.views).index, home) << "30 < 1.5 * 21";
  EXPECT_EQ(router->route({}, about(1), fleet.views).index, other) << "both know it";
  fleet.views[other].waiting = 19;
  EXPECT_EQ(router->route({}, about(3), fleet.views).index, other) << "30 > 1.5 * 19";
}

TEST(CacheAware, FollowsOnlyALongEnoughPrefix) {
  const auto router = make("cache-aware", 0, {"/router/cache_threshold=0.5"});
  Fleet fleet(2);
  const std::uint32_t home = fleet.send(*router, about(1, 32));
  EXPECT_EQ(fleet.send(*router, about(1, 32)), 1 - home) << "32 of 72 tokens, to the idlest";
  const std::uint32_t second = fleet.send(*router, about(2, 160));
  fleet.views[second].waiting += 3;
  EXPECT_EQ(fleet.send(*router, about(2, 160)), second) << "160 of 200";
}

// Two prompts are 24 whole blocks; an interval later 10 of them stay, those of the later prompt.
TEST(CacheAware, ForgetsAtIntervals) {
  const auto router =
      make("cache-aware", 0, {"/router/max_tree_size=160", "/router/eviction_interval_s=60"});
  Fleet alone(1);
  alone.send(*router, about(1), 0);
  alone.send(*router, about(2), 1);
  Fleet fleet(2);
  fleet.views[0].waiting = 5;
  EXPECT_EQ(router->route(tiny::at_ms(2000), about(1), fleet.views).index, 0);
  alone.send(*router, about(2), 3);
  EXPECT_EQ(router->route(tiny::at_ms(63'000), about(2), fleet.views).index, 0);
  EXPECT_EQ(router->route(tiny::at_ms(63'000), about(1), fleet.views).index, 1);
}

TEST(KvEvents, WeighsWhatIsCachedAgainstTheLoad) {
  const auto router = make("kv-events");
  const Request r = about(1);
  std::vector<std::uint64_t> hashes;
  append_prefix_hashes(r, r.prompt, Tokens(16), hashes);
  for (const std::uint64_t hash : hashes)
    router->learn({KvEvent::Kind::kStored, ReplicaId{1}, hash});
  Fleet fleet(2);
  fleet.views[1].outstanding = Tokens(159);
  EXPECT_EQ(router->route({}, about(1), fleet.views).index, 1) << "160 tokens saved, 159 behind";
  fleet.views[1].outstanding = Tokens(161);
  EXPECT_EQ(router->route({}, about(1), fleet.views).index, 0);
  fleet.views[1].outstanding = Tokens(159);
  router->learn({KvEvent::Kind::kRemoved, ReplicaId{1}, hashes[5]});
  EXPECT_EQ(router->route({}, about(1), fleet.views).index, 0) << "only 80 tokens lead";
  fleet.views[1].outstanding = Tokens(79);
  EXPECT_EQ(router->route({}, about(1), fleet.views).index, 1);
  router->learn({KvEvent::Kind::kCleared, ReplicaId{1}, 0});
  EXPECT_EQ(router->route({}, about(1), fleet.views).index, 0);
}

// Equal blocks at equal places under equal salts, and nothing else.
TEST(PrefixHashes, NameWhatWasSaid) {
  const auto of = [](const Request& r, std::int64_t count) {
    std::vector<std::uint64_t> hashes;
    append_prefix_hashes(r, Tokens(count), Tokens(16), hashes);
    return hashes;
  };
  const Request a = tiny::request(0, {{shared_content(1), 0, 40}, {shared_content(2), 0, 24}}, 1);
  const Request b = tiny::request(0, {{shared_content(1), 0, 40}, {shared_content(3), 0, 24}}, 1);
  Request salted = a;
  salted.cache_salt = 1;
  Request seen = a;
  seen.media = {{shared_content(9), Tokens(20), Tokens(4)}};
  EXPECT_EQ(of(a, 64).size(), 4);
  EXPECT_EQ(of(a, 63).size(), 3);
  const std::vector<std::uint64_t> whole = of(a, 64);
  EXPECT_EQ(of(a, 63), std::vector(whole.begin(), whole.end() - 1));
  EXPECT_EQ(of(a, 32), of(b, 32));
  EXPECT_NE(of(a, 48)[2], of(b, 48)[2]);
  EXPECT_EQ(std::set(whole.begin(), whole.end()).size(), 4);
  EXPECT_NE(of(a, 16), of(salted, 16));
  EXPECT_EQ(of(a, 16), of(seen, 16));
  EXPECT_NE(of(a, 32)[1], of(seen, 32)[1]);
  EXPECT_NE(of(a, 48)[2], of(seen, 48)[2]) << "what follows a picture follows that picture";
}

}  // namespace
}  // namespace kvsim
