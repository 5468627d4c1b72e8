// What each policy of the zoo promises beyond the laws, by small examples; and how small they are.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "policies/eviction/ghosts.h"
#include "policies/eviction/ranked.h"
#include "sim/core/input_error.h"
#include "sim/core/rng.h"
#include "sim/model/eviction_policy.h"
#include "tests/support/any_future.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

// A cache of single blocks over a policy: hits come back with one use more, misses may evict.
class SmallCache {
 public:
  SmallCache(const std::string& policy, std::uint32_t size)
      : policy_(Registry<EvictionPolicy>::make(policy, {size, config_, &future_})) {
    for (std::uint32_t id = size; id-- > 0;) free_.push_back(EntryId{id});
  }
  /// Was it a hit?
  bool ask(std::uint64_t content, std::uint32_t turn = 0) {
    ++clock_;
    for (CacheEntry& e : held_) {
      if (e.content != content) continue;
      policy_->erase(e);
      ++e.hits;
      e.last_used = clock_;
      policy_->insert(e);
      return true;
    }
    if (free_.empty()) evict();
    held_.push_back({.id = free_.back(),
                     .tokens = 16,
                     .created = clock_,
                     .last_used = clock_,
                     .content = content,
                     .turn = turn});
    free_.pop_back();
    policy_->insert(held_.back());
    return false;
  }
  int ask_all(std::initializer_list<std::uint64_t> contents) {
    int hits = 0;
    for (const std::uint64_t content : contents) hits += ask(content);
    return hits;
  }
  [[nodiscard]] bool has(std::uint64_t content) const {
    return std::any_of(held_.begin(), held_.end(),
                       [&](const CacheEntry& e) { return e.content == content; });
  }

 private:
  void evict() {
    const EntryId id = policy_->victim();
    const auto gone =
        std::find_if(held_.begin(), held_.end(), [&](const CacheEntry& e) { return e.id == id; });
    policy_->erase(*gone);
    held_.erase(gone);
    free_.push_back(id);
  }
  ConfigView config_;
  AnyFuture future_;
  std::unique_ptr<EvictionPolicy> policy_;
  std::vector<CacheEntry> held_;
  std::vector<EntryId> free_;
  std::uint64_t clock_ = 0;
};

// Fig. 2 of the SIEVE paper in small: 1 and 3 were used, so the hand passes them and takes 2; it
// goes on from there, to 4, though 1 is older.
TEST(Sieve, TheHandGoesOnFromWhereItWas) {
  SmallCache cache("sieve", 4);
  cache.ask_all({1, 2, 3, 4, 1, 3});
  cache.ask(5);
  EXPECT_FALSE(cache.has(2));
  cache.ask(6);
  EXPECT_FALSE(cache.has(4));
  EXPECT_TRUE(cache.has(1) && cache.has(3));
  cache.ask(7);  // past 3's spent use and the newcomers to the end, then round: 1's use is spent
  EXPECT_EQ(cache.has(1) + cache.has(3) + cache.has(5) + cache.has(6), 3);
}

TEST(S3Fifo, AScanDoesNotPushOutWhatIsUsed) {
  SmallCache cache("s3fifo", 20);
  for (int round = 0; round < 4; ++round) cache.ask_all({1, 2, 3, 4, 5});
  for (std::uint64_t scan = 100; scan < 200; ++scan) cache.ask(scan);
  EXPECT_EQ(cache.ask_all({1, 2, 3, 4, 5}), 5);
  SmallCache lru("lru", 20);
  for (int round = 0; round < 4; ++round) lru.ask_all({1, 2, 3, 4, 5});
  for (std::uint64_t scan = 100; scan < 200; ++scan) lru.ask(scan);
  EXPECT_EQ(lru.ask_all({1, 2, 3, 4, 5}), 0) << "LRU does push it out";
}

TEST(S3Fifo, AGhostThatComesBackGoesToTheMainQueue) {
  SmallCache cache("s3fifo", 10);
  for (std::uint64_t scan = 1; scan <= 11; ++scan) cache.ask(scan);
  EXPECT_FALSE(cache.has(1));
  cache.ask(1);  // a ghost: proven
  for (std::uint64_t scan = 100; scan < 115; ++scan) cache.ask(scan);
  EXPECT_TRUE(cache.has(1));
}

TEST(Arc, AScanDoesNotPushOutWhatWasUsedTwice) {
  SmallCache cache("arc", 10);
  cache.ask_all({1, 2, 3, 1, 2, 3});
  for (std::uint64_t scan = 100; scan < 150; ++scan) cache.ask(scan);
  EXPECT_EQ(cache.ask_all({1, 2, 3}), 3);
}

// Room 4: 1 and 2 were used twice. 3 and 4 once; 5 and 6 push them out, for nobody who was used
// once deserves room yet. When 3 comes back, a ghost, it counts as used again and such entries
// deserve one place: of the two sides it is still the younger one, 5 and 6, that gives; then each
// keeps one.
TEST(Arc, GhostsShiftTheShares) {
  SmallCache cache("arc", 4);
  cache.ask_all({1, 2, 1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(cache.has(1) && cache.has(2) && cache.has(5) && cache.has(6));
  cache.ask(3);
  EXPECT_FALSE(cache.has(5)) << "two that were used once, and nothing deserved: the older goes";
  cache.ask(7);
  EXPECT_TRUE(cache.has(6)) << "the one place that the ghost has earned";
  EXPECT_FALSE(cache.has(1)) << "so the least recently used of those used twice goes";
}

TEST(LfuAged, ForgetsOldFame) {
  for (const std::string policy : {"lfu", "lfu-aged", "gdsf"}) {
    SmallCache cache(policy, 4);
    for (int i = 0; i < 20; ++i) cache.ask(1);
    // A new working set of six, each asked three times running.
    for (std::uint64_t content = 100; content < 200; ++content)
      cache.ask_all({content, content, content});
    EXPECT_EQ(cache.has(1), policy == "lfu") << policy;
  }
}

TEST(Gdsf, KeepsWhatIsDearToComputeAgain) {
  const ConfigView config;
  const auto policy = Registry<EvictionPolicy>::make("gdsf", {2, config});
  policy->insert({.id = EntryId{0}, .depth = 100'000, .last_used = 1});
  policy->insert({.id = EntryId{1}, .depth = 0, .last_used = 2});
  EXPECT_EQ(policy->victim(), EntryId{1}) << "as often used, younger, but cheap";
}

// First turns never come back here, second ones do: the older second turn is worth more.
TEST(WorkloadAware, LearnsWhichTurnsComeBack) {
  SmallCache cache("workload-aware", 8);
  for (std::uint64_t i = 0; i < 200; ++i) {
    cache.ask(1000 + i, 0);
    if (i % 8 == 0) cache.ask(2, 1);
  }
  int found = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    cache.ask(3000 + i, 0);
    if (i % 10 == 9) found += cache.ask(2, 1);
  }
  EXPECT_EQ(found, 4) << "ten newcomers each time, in a cache of eight";
}

TEST(Optimal, RefusesWhereTheFutureIsUnknown) {
  ConfigView config;
  config.set("/cache/eviction", "optimal", "x.json");
  try {
    (void)Registry<EvictionPolicy>::make("optimal", {4, config});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "x.json: /cache/eviction: this policy needs to know the future, which is not "
                 "known here");
  }
}

auto reuse_then_age(const CacheEntry& e) { return std::tuple(e.hits, e.last_used); }

// Entries come and go at random; ranks fall below, between and above those that are there.
TEST(Ranked, GivesUpTheLowestOfASetThatIsSearched) {
  constexpr std::uint32_t kEntries = 64;
  for (std::uint64_t seed = 0; seed < repetitions(40U); ++seed) {
    Rng rng(seed, "ranked");
    const std::uint64_t ranks = 1 + rng.below(200);
    RankedEviction<reuse_then_age> ranked(kEntries);
    const auto drift = [&](std::uint64_t i) {
      return seed % 3 == 0 ? 0 : seed % 3 == 1 ? i : 2000 - i;
    };
    std::map<std::uint32_t, CacheEntry> held;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const auto id = static_cast<std::uint32_t>(rng.below(kEntries));
      ASSERT_EQ(ranked.contains(EntryId{id}), held.contains(id));
      if (held.contains(id)) {
        ranked.erase(held[id]);
        held.erase(id);
      } else {
        held[id] = {.id = EntryId{id},
                    .depth = static_cast<std::uint32_t>(rng.below(3)),
                    .hits = static_cast<std::uint32_t>(rng.below(3)),
                    .last_used = rng.below(ranks) + drift(i)};
        ranked.insert(held[id]);
      }
      ASSERT_EQ(ranked.size(), held.size());
      if (held.empty()) continue;
      const auto order = [](const CacheEntry& e) {
        return std::tuple(e.hits, e.last_used, ~e.depth, e.id);
      };
      const auto least =
          std::ranges::min_element(held, {}, [&](const auto& each) { return order(each.second); });
      ASSERT_EQ(ranked.victim(), least->second.id) << "seed " << seed << ", step " << i;
      ASSERT_EQ(ranked.least(), reuse_then_age(least->second));
    }
  }
}

// Some contents fall into one chain, and more are asked for than there is room.
TEST(Ghosts, AreTheLatestOfAListThatIsSearched) {
  Rng rng(1, "ghosts");
  Ghosts ghosts(12);
  std::vector<std::uint64_t> list;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t content = rng.below(20) << (8 * rng.below(3));
    const auto known = std::ranges::find(list, content);
    const bool there = known != list.end();
    if (there) list.erase(known);
    switch (rng.below(4)) {
      case 0:
        ASSERT_EQ(ghosts.recall(content), there);
        break;
      case 1:
        if (there) list.push_back(content), ghosts.remember(content);
        if (!list.empty()) list.erase(list.begin()), ghosts.forget_oldest();
        break;
      default:
        list.push_back(content);
        if (list.size() > 12) list.erase(list.begin());
        ghosts.remember(content);
    }
    ASSERT_EQ(ghosts.size(), list.size());
  }
}

TEST(Ghosts, RememberTheLatestSoMany) {
  Ghosts ghosts(3);
  for (std::uint64_t content : {1, 2, 3, 2, 4}) ghosts.remember(content);
  EXPECT_EQ(ghosts.size(), 3U);
  EXPECT_FALSE(ghosts.recall(1)) << "2 was renewed, so 1 was the oldest when 4 came";
  EXPECT_TRUE(ghosts.recall(2));
  EXPECT_FALSE(ghosts.recall(2)) << "it is back";
  EXPECT_EQ(ghosts.size(), 2U);
  Ghosts none(0);
  EXPECT_FALSE(none.recall(1));
}

// The promise of policies/README.md. Comments and blank lines are free.
TEST(Zoo, EveryPolicyIsAtMostFortyLines) {
  int files = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(KVSIM_SOURCE_DIR "/policies/eviction")) {
    if (file.path().extension() != ".cpp") continue;
    ++files;
    std::ifstream text(file.path());
    int lines = 0;
    for (std::string line; std::getline(text, line);) {
      const std::size_t first = line.find_first_not_of(' ');
      lines += first != std::string::npos && line.compare(first, 2, "//") != 0;
    }
    EXPECT_LE(lines, 40) << file.path();
  }
  EXPECT_EQ(static_cast<std::size_t>(files), Registry<EvictionPolicy>::names().size())
      << "one file, one policy";
}

}  // namespace
}  // namespace kvsim
