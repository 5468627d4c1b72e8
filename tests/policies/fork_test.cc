// Forks share blocks; whoever writes first copies. By worked example, over blocks of 4 tokens.
//
// Source of the rules: vLLM V0 (core/block/prefix_caching_block.py, core/block/common.py) and the
// PagedAttention paper (SOSP 2023), section 4.4.
#include <array>

#include <gtest/gtest.h>

#include "policies/allocator/paged_cache.h"
#include "sim/model/eviction_policy.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

constexpr Tokens kBlock{4};
constexpr int kUsable = 20;

class ForkTest : public testing::Test {
 protected:
  explicit ForkTest(KvGroup layers = KvGroup{}) : cache_(setup(layers)) {}

  static PagedCache::Setup setup(KvGroup layers) {
    static const ConfigView kConfig;
    layers.block = kBlock;
    PagedCache::Setup s;
    s.blocks = kUsable + 1;
    s.block = kBlock;
    s.groups = {layers};
    s.max_model_len = Tokens(1000);
    s.in_flight = Tokens(64);
    s.policy = Registry<EvictionPolicy>::make("lru", {kUsable + 1, kConfig});
    return s;
  }
  // Everybody says the same 50 tokens, then what is his own.
  static Sequence sequence(std::uint32_t id, std::int64_t prompt) {
    Sequence s;
    s.id = SequenceId{id};
    s.request.id = id;
    s.request.prompt = Tokens(prompt);
    s.request.output = Tokens(200);
    s.request.content.append({shared_content(1), 0, prompt});
    s.request.content.append({private_content(id), 0, 200});
    return s;
  }
  bool grow(Sequence& s, std::int64_t tokens) {
    s.generated = std::max(Tokens(0), s.computed + Tokens(tokens) - s.request.prompt);
    const bool room = cache_.allocate(s, Tokens(0), {.fresh = Tokens(tokens)});
    if (room) s.computed += Tokens(tokens);
    cache_.check_books();
    return room;
  }
  Sequence fork(const Sequence& parent, std::uint32_t id) {
    Sequence child = sequence(id, parent.request.prompt.value());
    cache_.fork(parent, child);
    child.computed = parent.computed;
    child.generated = parent.generated;
    cache_.check_books();
    return child;
  }
  [[nodiscard]] std::vector<BlockId> table(const Sequence& s) const {
    const auto blocks = cache_.table(s, 0);
    return {blocks.begin(), blocks.end()};
  }
  [[nodiscard]] std::int64_t used() const { return cache_.pool().used(); }

  PagedCache cache_;
};

// 6 tokens are a full block and half of another. A fork has the same table: no block is taken, and
// the 2 empty slots are wasted once, not once per table.
TEST_F(ForkTest, SharesEveryBlockTheHalfFullOneIncluded) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  const MemoryUse before = cache_.memory();
  const Sequence b = fork(a, 1);
  EXPECT_EQ(table(a), table(b));
  EXPECT_EQ(used(), 2);
  EXPECT_EQ(cache_.memory().internal, Tokens(2));
  EXPECT_EQ(cache_.memory().used, before.used);
  EXPECT_TRUE(cache_.copies().empty()) << "nothing is copied before somebody writes";
}

// The writer leaves the shared block and copies what it held; the other's table stays as it was.
TEST_F(ForkTest, TheFirstWriterCopiesAndTheLastOwnerWritesInPlace) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  Sequence b = fork(a, 1);
  const std::vector<BlockId> shared = table(a);

  ASSERT_TRUE(grow(b, 1));
  EXPECT_EQ(table(a), shared);
  EXPECT_EQ(table(b)[0], shared[0]) << "full blocks are never copied";
  EXPECT_NE(table(b)[1], shared[1]);
  ASSERT_EQ(cache_.copies().size(), 1U);
  EXPECT_EQ(cache_.copies()[0].from, shared[1]);
  EXPECT_EQ(cache_.copies()[0].to, table(b)[1]);
  // a wastes 2 slots of the old block, b 1 of its own.
  EXPECT_EQ(cache_.memory().internal, Tokens(3));

  ASSERT_TRUE(grow(a, 1));
  EXPECT_EQ(table(a), shared) << "nobody else reads it any more";
  EXPECT_EQ(cache_.copies_ever(), 1);
  EXPECT_EQ(cache_.memory().internal, Tokens(2));
}

TEST_F(ForkTest, SiblingsCopyOnceLessThanTheyAre) {
  for (std::uint32_t n = 2; n <= 6; ++n) {
    const std::int64_t copied = cache_.copies_ever();
    std::vector<Sequence> siblings{sequence(0, 6)};
    ASSERT_TRUE(grow(siblings[0], 6));
    for (std::uint32_t i = 1; i < n; ++i) siblings.push_back(fork(siblings[0], i));
    for (Sequence& s : siblings) ASSERT_TRUE(grow(s, 1));
    EXPECT_EQ(cache_.copies_ever() - copied, n - 1);
    EXPECT_EQ(used(), 1 + n) << "one full block for all, one half full for each";
    for (const Sequence& s : siblings) cache_.release(s);
    EXPECT_EQ(used(), 0);
  }
}

// With nothing half full there is nothing to copy, however often and deep they fork.
TEST_F(ForkTest, FullBlocksAreNeverCopied) {
  Sequence a = sequence(0, 8);
  ASSERT_TRUE(grow(a, 8));
  Sequence b = fork(a, 1);
  Sequence c = fork(b, 2);
  for (Sequence* s : {&a, &b, &c}) ASSERT_TRUE(grow(*s, 5));
  EXPECT_EQ(cache_.copies_ever(), 0);
  EXPECT_EQ(used(), 2 + 3 * 2);
}

// When the siblings leave instead of writing, the last one has the block for itself again.
TEST_F(ForkTest, ASiblingThatLeavesSparesTheCopy) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  const Sequence b = fork(a, 1);
  cache_.release(b);
  EXPECT_EQ(cache_.memory().internal, Tokens(2));
  ASSERT_TRUE(grow(a, 1));
  EXPECT_EQ(cache_.copies_ever(), 0);
  cache_.release(a);
  EXPECT_EQ(cache_.memory().held(), Tokens(0));
}

// A write into a shared block needs a block, even where the table is long enough already.
TEST_F(ForkTest, AWriterThatFindsNoBlockChangesNothing) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  Sequence b = fork(a, 1);
  Sequence filler = sequence(2, 4 * (kUsable - 2));
  filler.request.cache_salt = 1;
  ASSERT_TRUE(grow(filler, 4 * (kUsable - 2)));
  const auto before = std::tuple(table(a), table(b), cache_.memory().internal);
  EXPECT_FALSE(grow(b, 1));
  EXPECT_EQ(std::tuple(table(a), table(b), cache_.memory().internal), before);
  EXPECT_TRUE(cache_.copies().empty());
  cache_.release(a);
  EXPECT_TRUE(grow(b, 1)) << "alone it writes in place";
}

TEST_F(ForkTest, CopiesAreThoseOfThisStep) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  Sequence b = fork(a, 1);
  ASSERT_TRUE(grow(b, 1));
  EXPECT_EQ(cache_.copies().size(), 1U);
  cache_.step_starts();
  EXPECT_TRUE(cache_.copies().empty());
  EXPECT_EQ(cache_.copies_ever(), 1);
}

// A block that a fork fills is cached under what the fork says.
TEST_F(ForkTest, WhatAForkFillsIsFoundByWhoSaysTheSame) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  Sequence b = fork(a, 1);
  ASSERT_TRUE(grow(b, 6));  // 12 tokens: three full blocks
  Sequence again = b;
  again.id = SequenceId{2};
  again.request.id = 2;
  again.computed = Tokens(0);
  EXPECT_EQ(cache_.lookup(again).tokens, Tokens(8)) << "all but the block of the last token";
  Sequence other = a;
  other.id = SequenceId{3};
  other.request.id = 3;
  other.generated = Tokens(6);
  EXPECT_EQ(cache_.lookup(other).tokens, Tokens(4)) << "what a says after its prompt is unknown";
}

class WindowForkTest : public ForkTest {
 protected:
  static KvGroup layers() {
    KvGroup group;
    group.kind = KvGroup::Kind::kSlidingWindow;
    group.window = Tokens(6);
    return group;
  }
  WindowForkTest() : ForkTest(layers()) {}
};

// Each leaves the window behind on its own: a block goes when the last reader has left it.
TEST_F(WindowForkTest, ABlockOutsideOneWindowStaysForTheOther) {
  Sequence a = sequence(0, 6);
  ASSERT_TRUE(grow(a, 6));
  Sequence b = fork(a, 1);
  const BlockId first = table(a)[0];
  ASSERT_TRUE(grow(b, 4));
  ASSERT_TRUE(grow(b, 1));  // b is at 11: its window starts at token 5
  EXPECT_EQ(table(b)[0], kNullBlock);
  EXPECT_EQ(table(a)[0], first);
  EXPECT_EQ(cache_.pool().users(first), 1U);
  ASSERT_TRUE(grow(a, 4));
  ASSERT_TRUE(grow(a, 1));
  EXPECT_EQ(cache_.pool().users(first), 0U);
}

// Fork, grow and release at random; the books are recounted after every call.
class ForkWalk : public ForkTest {
 protected:
  explicit ForkWalk(KvGroup layers = KvGroup{}) : ForkTest(layers) {}

  void walk(std::uint64_t seed) {
    Rng rng(seed, "fork walk");
    std::array<Sequence, 6> slots;
    std::array<bool, 6> open{};
    int refusals = 0;
    for (int i = 0; i < 3000; ++i) {
      if (rng.below(4) == 0) cache_.step_starts();
      const auto at = static_cast<std::uint32_t>(rng.below(slots.size()));
      const auto from = static_cast<std::uint32_t>(rng.below(slots.size()));
      Sequence& s = slots[at];
      if (!open[at] && open[from]) {
        s = fork(slots[from], at);
        open[at] = true;
      } else if (!open[at]) {
        s = sequence(at, 1 + static_cast<std::int64_t>(rng.below(12)));
        open[at] = grow(s, s.request.prompt.value());
      } else if (rng.below(8) == 0 || s.computed > Tokens(60)) {
        cache_.release(s);
        open[at] = false;
      } else {
        refusals += !grow(s, 1 + static_cast<std::int64_t>(rng.below(5)));
      }
      cache_.check_books();
    }
    for (std::size_t at = 0; at < slots.size(); ++at)
      if (open[at]) cache_.release(slots[at]);
    cache_.check_books();
    EXPECT_EQ(cache_.memory().held(), Tokens(0));
    EXPECT_GT(refusals, 0) << "the pool was never full";
    EXPECT_GT(cache_.copies_ever(), 50);
  }
};

TEST_F(ForkWalk, KeepsItsBooks) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) walk(seed);
}

class WindowForkWalk : public ForkWalk {
 protected:
  static KvGroup layers() {
    KvGroup group;
    group.kind = KvGroup::Kind::kSlidingWindow;
    group.window = Tokens(14);
    return group;
  }
  WindowForkWalk() : ForkWalk(layers()) {}
};

TEST_F(WindowForkWalk, KeepsItsBooks) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) walk(seed);
}

}  // namespace
}  // namespace kvsim
