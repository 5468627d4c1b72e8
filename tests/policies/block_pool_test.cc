// The block pool by worked example (semantics: vLLM V1, July 2026), then against its definition.
#include "policies/allocator/block_pool.h"

#include <gtest/gtest.h>

#include "sim/core/hash.h"
#include "sim/core/rng.h"
#include "sim/model/block_keys.h"

namespace kvsim {
namespace {

std::unique_ptr<EvictionPolicy> policy(std::int64_t blocks, const ConfigView& config) {
  return Registry<EvictionPolicy>::make("lru", {static_cast<std::size_t>(blocks), config});
}

class PoolTest : public testing::Test {
 protected:
  BlockPool make(std::int64_t blocks, bool caching = true, bool unhashed_to_tail = false) {
    return BlockPool({blocks, Tokens(4), caching, policy(blocks, config_), unhashed_to_tail});
  }
  // Takes a block and hashes it as `key`, a child of `parent`.
  static BlockId cached(BlockPool& pool, std::uint64_t key, BlockId parent = {}) {
    const BlockId id = pool.take();
    pool.cache(id, {key, key}, {.parent = parent});
    return id;
  }
  static void release(BlockPool& pool, const std::vector<BlockId>& ids) { pool.release(ids); }
  ConfigView config_;
};

TEST_F(PoolTest, NeverHandsOutTheNullBlock) {
  BlockPool pool = make(5);
  EXPECT_EQ(pool.usable(), 4);
  for (std::uint32_t i = 1; i <= 4; ++i) EXPECT_EQ(pool.take(), BlockId{i}) << "in id order";
  EXPECT_EQ(pool.free(), 0);
}

// With only the null block taken nothing is used; every block handed out counts the same.
TEST_F(PoolTest, UsageGrowsFromZeroToOne) {
  BlockPool pool = make(11);
  const auto usage = [&] {
    return 1.0 - static_cast<double>(pool.free()) / static_cast<double>(pool.usable());
  };
  EXPECT_EQ(usage(), 0.0);
  for (int taken = 1; taken <= 10; ++taken) {
    (void)pool.take();
    EXPECT_DOUBLE_EQ(usage(), taken / 10.0);
  }
}

// Freeing [4 (partial), 3, 2, 1] puts 4 in front of the queue and 3, 2, 1 at its tail. Blocks 5
// and 6 were never used. So the order of reuse is 4, 5, 6, 3, 2, 1.
TEST_F(PoolTest, FreesPartialBlocksToTheFrontAndHashedOnesToTheTail) {
  BlockPool pool = make(7);
  const BlockId a = cached(pool, 10);
  const BlockId b = cached(pool, 11, a);
  const BlockId c = cached(pool, 12, b);
  const BlockId partial = pool.take();
  release(pool, {partial, c, b, a});
  EXPECT_EQ(pool.cached(), 3);
  for (const std::uint32_t expected : {4U, 5U, 6U, 3U, 2U, 1U})
    EXPECT_EQ(pool.take(), BlockId{expected});
  EXPECT_EQ(pool.evictions(), 3);
  EXPECT_EQ(pool.orphans(), 0) << "tails went before heads";
}

// The queue of March 2026 does not look at hashes: all go to the tail in the order given.
TEST_F(PoolTest, InMarchFreedThemAllToTheTail) {
  BlockPool pool = make(7, true, /*unhashed_to_tail=*/true);
  const BlockId a = cached(pool, 10);
  const BlockId b = cached(pool, 11, a);
  const BlockId partial = pool.take();
  release(pool, {partial, b, a});
  EXPECT_EQ(pool.cached(), 2);
  for (const std::uint32_t expected : {4U, 5U, 6U, 3U, 2U, 1U})
    EXPECT_EQ(pool.take(), BlockId{expected});
  EXPECT_EQ(pool.evictions(), 2) << "giving up an unhashed block loses nothing";
}

// Touching takes a free block out of the queue, wherever it stands; a second user only counts.
TEST_F(PoolTest, TouchTakesABlockOutOfTheQueue) {
  BlockPool pool = make(5);
  const BlockId a = cached(pool, 10);
  release(pool, {a});
  pool.touch(BlockId{3}, 0);
  pool.touch(a, 0);
  pool.touch(a, 0);
  EXPECT_EQ(pool.free(), 2);
  EXPECT_EQ(pool.users(a), 2U);
  EXPECT_EQ(pool.queue(), (std::vector<BlockId>{BlockId{2}, BlockId{4}}));
  pool.check_books(std::vector<std::uint32_t>{0, 2, 0, 1, 0});
  release(pool, {a});
  EXPECT_EQ(pool.free(), 2) << "still used once";
}

// A block whose hash is withdrawn keeps its place: it is taken in its turn, and that is no
// eviction.
TEST_F(PoolTest, AWithdrawnHashKeepsItsPlaceInTheQueue) {
  BlockPool pool = make(4);
  const BlockId a = cached(pool, 10);
  const BlockId b = cached(pool, 11);
  const BlockId c = cached(pool, 12);
  release(pool, {a, b, c});
  pool.withdraw(b);
  EXPECT_FALSE(pool.find({11, 11}).valid());
  EXPECT_EQ(pool.queue(), (std::vector<BlockId>{a, b, c}));
  pool.check_books(std::vector<std::uint32_t>(4));
  for (const BlockId expected : {a, b, c}) EXPECT_EQ(pool.take(), expected);
  EXPECT_EQ(pool.evictions(), 2);
}

// Whoever uses a block whose hash is withdrawn keeps it; freed, it is a blank like any other.
TEST_F(PoolTest, AWithdrawnHashLeavesItsUsersAlone) {
  BlockPool pool = make(4);
  const BlockId a = cached(pool, 10);
  pool.withdraw(a);
  EXPECT_EQ(pool.users(a), 1U);
  release(pool, {a});
  EXPECT_EQ(pool.queue()[0], a) << "unhashed blocks go to the front";
}

// Reset forgets all contents and moves nothing; it is refused while anybody uses a block.
TEST_F(PoolTest, ResetForgetsContentsAndKeepsTheOrder) {
  BlockPool pool = make(5);
  const BlockId a = cached(pool, 10);
  const BlockId b = cached(pool, 11, a);
  release(pool, {b});
  EXPECT_FALSE(pool.reset()) << "a is in use";
  EXPECT_TRUE(pool.find({11, 11}).valid());
  release(pool, {a});
  const std::vector<BlockId> order = pool.queue();
  EXPECT_TRUE(pool.reset());
  EXPECT_FALSE(pool.find({10, 10}).valid());
  EXPECT_EQ(pool.cached(), 0);
  EXPECT_EQ(pool.queue(), order);
  pool.check_books(std::vector<std::uint32_t>(5));
  EXPECT_EQ(pool.take(), order[0]);
}

// A block filled in part and filed, then filled: the first key is given up for the second.
TEST_F(PoolTest, AFilledBlockGivesUpTheKeyOfItsPart) {
  BlockPool pool = make(4);
  const BlockId a = cached(pool, 10);
  pool.cache(a, {20, 20}, {});
  EXPECT_FALSE(pool.find({10, 10}).valid());
  EXPECT_EQ(pool.find({20, 20}), a);
}

TEST_F(PoolTest, WithoutCachingFreedBlocksQueueUp) {
  BlockPool pool = make(5, /*caching=*/false);
  const BlockId a = pool.take();
  const BlockId b = pool.take();
  release(pool, {b, a});
  for (const std::uint32_t expected : {3U, 4U, 2U, 1U}) EXPECT_EQ(pool.take(), BlockId{expected});
}

// The two-request example of the textbook. Two requests share the prefix [1, 2]; freeing them head
// first puts block 1 at the head of the queue: the next allocation destroys the whole prefix.
TEST_F(PoolTest, ForwardReleaseLosesASharedPrefixTooEarly) {
  for (const bool forward : {false, true}) {
    BlockPool pool = make(4);
    const BlockId head = cached(pool, 10);
    const BlockId tail = cached(pool, 11, head);
    pool.touch(head, 0);  // the second request
    pool.touch(tail, 0);
    for (int request = 0; request < 2; ++request)
      forward ? release(pool, {head, tail}) : release(pool, {tail, head});
    (void)pool.take();  // the blank block 3
    (void)pool.take();  // now something must be evicted
    EXPECT_EQ(pool.find({10, 10}).valid(), !forward);
    EXPECT_FALSE(pool.find({11, 11}).valid());
    EXPECT_EQ(pool.evictions(), forward ? 2 : 1);
    EXPECT_EQ(pool.orphans(), forward ? 1 : 0) << "the tail cannot be reached without its head";
  }
}

// Duplicates coexist (semantics 2.5): the oldest wins a look-up, eviction removes one id.
TEST_F(PoolTest, KeepsDuplicatesAndFindsTheOldest) {
  BlockPool pool = make(4);
  const BlockId first = cached(pool, 10);
  const BlockId second = cached(pool, 10);
  EXPECT_EQ(pool.find({10, 10}), first);
  release(pool, {first});
  release(pool, {second});
  (void)pool.take();
  (void)pool.take();  // evicts the first: least recently used
  EXPECT_EQ(pool.find({10, 10}), second);
}

TEST_F(PoolTest, AnOrphanIsAdoptedByItsParentsTwin) {
  BlockPool pool = make(5);
  const BlockId first = cached(pool, 10);
  const BlockId twin = cached(pool, 10);
  const BlockId child = cached(pool, 11, first);
  release(pool, {first});
  (void)pool.take();
  (void)pool.take();  // evicts `first`; its twin keeps the child reachable
  EXPECT_EQ(pool.find({11, 11}), child);
  release(pool, {child});
  release(pool, {twin});
  const std::vector<std::uint32_t> holders{0, 1, 0, 0, 1};
  pool.check_books(holders);
}

TEST(BlockKeys, AreEqualExactlyForEqualPrefixes) {
  Request a;
  a.content.append({5, 0, 20});
  a.content.append({6, 0, 20});
  Request b;
  b.content.append({5, 0, 8});
  b.content.append({5, 8, 12});  // continues: the same tokens as in `a`, said in other words
  b.content.append({7, 0, 20});
  BlockKeys x;
  BlockKeys y;
  x.restart(0);
  y.restart(0);
  x.extend(a, 10, Tokens(4));
  y.extend(b, 2, Tokens(4));
  y.extend(b, 10, Tokens(4));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(x[i] == y[i], i < 5) << i;
  BlockKeys salted;
  salted.restart(1);
  salted.extend(a, 1, Tokens(4));
  EXPECT_FALSE(salted[0] == x[0]) << "a salt changes every block through the chain";
}

// Random prompts over a tiny alphabet: block i's keys are equal if and only if all tokens up to its
// end are.
TEST(BlockKeys, AgreeWithComparingTokens) {
  Rng rng(1, "keys");
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<std::uint64_t>> tokens(2);
    std::vector<BlockKeys> keys(2);
    const Tokens block(1 + static_cast<std::int64_t>(rng.below(5)));
    for (std::size_t k = 0; k < 2; ++k) {
      Request request;
      for (int i = 0; i < 30; ++i) {
        tokens[k].push_back(rng.below(10) == 0 ? rng.below(3) : 1);
        request.content.append({kVocabulary, static_cast<std::int64_t>(tokens[k].back()), 1});
      }
      keys[k].restart(0);
      keys[k].extend(request, static_cast<std::size_t>(30 / block.value()), block);
    }
    for (std::size_t i = 0; i < keys[0].size(); ++i) {
      const auto end = static_cast<std::ptrdiff_t>(i + 1) * block.value();
      const bool same = std::equal(tokens[0].begin(), tokens[0].begin() + end, tokens[1].begin());
      ASSERT_EQ(keys[0][i] == keys[1][i], same);
    }
  }
}

// What vLLM's one free queue is, in the plainest words: a list of all free blocks; allocation pops
// its head and forgets the head's hash; release (tail first) puts hashed blocks at the end and
// others at the front; look-up walks hashes, oldest block first. Block ids must agree one by one.
class PlainQueue {
 public:
  explicit PlainQueue(std::uint32_t blocks) : key_(blocks), users_(blocks) {
    for (std::uint32_t i = 1; i < blocks; ++i) queue_.push_back(i);
  }
  [[nodiscard]] std::size_t free() const { return queue_.size(); }
  [[nodiscard]] std::uint32_t users(std::uint32_t b) const { return users_[b]; }
  [[nodiscard]] std::vector<std::uint32_t> lookup(const std::vector<std::string>& keys) const {
    std::vector<std::uint32_t> found;
    for (const std::string& key : keys) {
      const auto oldest = std::find_if(hashed_.begin(), hashed_.end(),
                                       [&](std::uint32_t b) { return key_[b] == key; });
      if (oldest == hashed_.end()) break;
      found.push_back(*oldest);
    }
    return found;
  }
  void touch(std::uint32_t b) {
    if (users_[b]++ == 0) queue_.erase(std::find(queue_.begin(), queue_.end(), b));
  }
  std::uint32_t take() {
    const std::uint32_t b = queue_.front();
    queue_.erase(queue_.begin());
    if (!key_[b].empty()) hashed_.erase(std::find(hashed_.begin(), hashed_.end(), b));
    key_[b].clear();
    users_[b] = 1;
    return b;
  }
  void cache(std::uint32_t b, const std::string& key) {
    key_[b] = key;
    hashed_.push_back(b);
  }
  void release(std::vector<std::uint32_t> table) {
    std::reverse(table.begin(), table.end());
    std::vector<std::uint32_t> blank;
    for (const std::uint32_t b : table) {
      if (--users_[b] == 0) (key_[b].empty() ? blank : queue_).push_back(b);
    }
    queue_.insert(queue_.begin(), blank.begin(), blank.end());
  }

 private:
  std::vector<std::uint32_t> queue_;   // free blocks, next victim first
  std::vector<std::uint32_t> hashed_;  // by age
  std::vector<std::string> key_;
  std::vector<std::uint32_t> users_;
};

Key128 hashed(const std::string& key) {
  Digest d;
  d.add(key);
  return {d.value(), d.value()};
}

// A prompt of 1 to 8 blocks over two letters, as the chain of its prefixes.
std::vector<std::string> random_chain(Rng& rng) {
  std::vector<std::string> keys;
  std::string chain;
  for (std::uint64_t n = 1 + rng.below(8); n > 0; --n)
    keys.push_back(chain += static_cast<char>('a' + rng.below(2)));
  return keys;
}

// Serves one prompt (and a partial block) from both; false if there is no room.
bool serve(const std::vector<std::string>& keys, PlainQueue& plain, BlockPool& pool,
           std::vector<std::uint32_t>& table) {
  const auto hits = plain.lookup(keys);
  std::size_t revived = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const BlockId found = pool.find(hashed(keys[i]));
    if (i == hits.size()) {
      EXPECT_FALSE(found.valid());
    }
    if (i >= hits.size()) break;
    EXPECT_EQ(found, BlockId{hits[i]});
    revived += plain.users(hits[i]) == 0;
  }
  if (keys.size() - hits.size() + 1 + revived > plain.free()) return false;
  for (const std::uint32_t b : hits) {
    plain.touch(b);
    pool.touch(BlockId{b}, 0);
    table.push_back(b);
  }
  for (std::size_t i = hits.size(); i <= keys.size(); ++i) {
    const std::uint32_t b = plain.take();
    EXPECT_EQ(pool.take(), BlockId{b});
    const BlockId parent = table.empty() ? BlockId{} : BlockId{table.back()};
    table.push_back(b);
    if (i == keys.size()) break;
    plain.cache(b, keys[i]);
    pool.cache(BlockId{b}, hashed(keys[i]), {.parent = parent});
  }
  return true;
}

TEST(BlockPool, UnderLruIsVllmsFreeQueue) {
  constexpr std::uint32_t kBlocks = 40;
  const ConfigView config;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed, "queue");
    PlainQueue plain(kBlocks);
    BlockPool pool({kBlocks, Tokens(4), true, policy(kBlocks, config), false});
    std::vector<std::vector<std::uint32_t>> live(6);
    for (int step = 0; step < 400 && !HasFailure(); ++step) {
      auto& table = live[rng.below(live.size())];
      if (table.empty()) {
        (void)serve(random_chain(rng), plain, pool, table);
      } else {
        std::vector<BlockId> ids;
        for (auto b = table.rbegin(); b != table.rend(); ++b) ids.push_back(BlockId{*b});
        pool.release(ids);
        plain.release(table);
        table.clear();
      }
      ASSERT_EQ(static_cast<std::size_t>(pool.free()), plain.free());
    }
    EXPECT_GT(pool.evictions(), 0);
    EXPECT_EQ(pool.orphans(), 0);
  }
}

}  // namespace
}  // namespace kvsim
