// A tier by worked example, then against its definition.
#include "sim/engine/transfer/tier.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

constexpr std::uint64_t kRoot = 0;
Key128 key(std::uint64_t n) { return {n, ~n}; }

// Chunks are numbers; 0 stands for no parent.
struct Store {
  explicit Store(std::int64_t room, const std::string& eviction = "lru")
      : tier({room, Tokens(4),
              Registry<EvictionPolicy>::make(eviction, {Tier::entries(room), config})}) {}
  bool store(std::uint64_t chunk, std::uint64_t parent) {
    gone.clear();
    TierChunk what{.key = key(chunk), .parent = key(parent)};
    what.depth = parent == kRoot ? 0 : 4;  // only whether there is one before it matters
    const Tier::Outcome outcome = tier.store(what, Time{});
    if (outcome.evicted) gone.push_back(outcome.evicted->key.lo);
    tier.check_books();
    return outcome.stored;
  }
  [[nodiscard]] bool has(std::uint64_t chunk) const { return tier.find(key(chunk)).valid(); }
  ConfigView config;
  Tier tier;
  std::vector<std::uint64_t> gone;  // by the last store
};

TEST(Tier, GivesUpTheLeastRecentlyUsed) {
  Store s(3);
  for (const std::uint64_t c : {1, 2, 3}) ASSERT_TRUE(s.store(c, kRoot));
  s.tier.use(s.tier.find(key(1)), 0);
  ASSERT_TRUE(s.store(4, kRoot));
  EXPECT_EQ(s.gone, std::vector<std::uint64_t>{2});
  EXPECT_EQ(s.tier.counters().stored, Tokens(16));
  EXPECT_EQ(s.tier.counters().evicted, Tokens(4));
}

// 1 - 2 - 3, the first the oldest: still the last of the chain goes first.
TEST(Tier, GivesUpTheEndOfAChainFirst) {
  Store s(3);
  ASSERT_TRUE(s.store(1, kRoot) && s.store(2, 1) && s.store(3, 2));
  ASSERT_TRUE(s.store(7, kRoot));
  EXPECT_EQ(s.gone, std::vector<std::uint64_t>{3});
  ASSERT_TRUE(s.store(8, kRoot));
  EXPECT_EQ(s.gone, std::vector<std::uint64_t>{2});
}

// What leads to a chunk is not given up for it: a prompt longer than the tier is stored as far as
// it fits.
TEST(Tier, RefusesWhatOnlyItsOwnPrefixCouldMakeRoomFor) {
  Store s(2);
  ASSERT_TRUE(s.store(1, kRoot) && s.store(2, 1));
  EXPECT_FALSE(s.store(3, 2));
  EXPECT_TRUE(s.has(1) && s.has(2) && !s.has(3));
  ASSERT_TRUE(s.store(9, kRoot));
  EXPECT_EQ(s.gone, std::vector<std::uint64_t>{2});
}

// Spilled leaf first, a chunk arrives before the one it hangs on: from then on it protects it.
TEST(Tier, FindsTheSuccessorsOfALatecomer) {
  Store s(3);
  ASSERT_TRUE(s.store(2, 1));
  ASSERT_TRUE(s.store(1, kRoot));
  ASSERT_TRUE(s.store(5, kRoot));
  s.tier.use(s.tier.find(key(5)), 0);
  s.tier.use(s.tier.find(key(2)), 0);
  ASSERT_TRUE(s.store(6, kRoot));
  EXPECT_EQ(s.gone, std::vector<std::uint64_t>{5}) << "1 is older, but 2 hangs on it";
}

TEST(Tier, HasAnEvictionPolicyOfItsOwn) {
  Store s(2, "mru");
  ASSERT_TRUE(s.store(1, kRoot) && s.store(2, kRoot) && s.store(3, kRoot));
  EXPECT_EQ(s.gone, std::vector<std::uint64_t>{2});
}

// Under LRU against ten lines: the least recently used of those nothing here hangs on.
TEST(Tier, IsLeafFirstLru) {
  for (std::uint64_t seed = 0; seed < repetitions(40U); ++seed) {
    Rng rng(seed, "tier");
    const auto room = static_cast<std::int64_t>(1 + rng.below(12));
    Store s(room);
    std::map<std::uint64_t, std::uint64_t> used;  // chunk -> last use
    for (std::uint64_t now = 1; now < 300; ++now) {
      const std::uint64_t chunk = 1 + rng.below(31);
      const std::uint64_t parent = chunk / 2;  // a binary tree
      if (used.count(chunk) > 0) {
        s.tier.use(s.tier.find(key(chunk)), 0);
        used[chunk] = now;
        continue;
      }
      std::uint64_t victim = 0;
      for (const auto& [candidate, last] : used) {
        const bool leads = used.count(2 * candidate) + used.count(2 * candidate + 1) > 0;
        if (leads || candidate == parent) continue;
        if (victim == 0 || last < used[victim]) victim = candidate;
      }
      const bool full = static_cast<std::int64_t>(used.size()) == room;
      ASSERT_EQ(s.store(chunk, parent), !full || victim != 0);
      if (full && victim == 0) continue;
      if (full) {
        ASSERT_EQ(s.gone, std::vector<std::uint64_t>{victim});
        used.erase(victim);
      }
      used[chunk] = now;
    }
    for (std::uint64_t c = 1; c < 32; ++c) ASSERT_EQ(s.has(c), used.count(c) > 0);
  }
}

class EveryTierPolicy : public testing::TestWithParam<std::string> {};

TEST_P(EveryTierPolicy, KeepsItsBooks) {
  Rng rng(11, "tier policies");
  Store s(9, GetParam());
  for (int i = 0; i < repetitions(2000); ++i) {
    const std::uint64_t chunk = 1 + rng.below(63);
    if (s.has(chunk)) {
      s.tier.use(s.tier.find(key(chunk)), static_cast<std::int32_t>(rng.below(3)));
      s.tier.check_books();
    } else {
      (void)s.store(chunk, chunk / 2);
    }
  }
  EXPECT_LE(s.tier.size(), 9);
}

std::vector<std::string> online_policies() {
  auto all = Registry<EvictionPolicy>::names();
  std::erase(all, "optimal");
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, EveryTierPolicy, testing::ValuesIn(online_policies()));

}  // namespace
}  // namespace kvsim
