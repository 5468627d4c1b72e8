// What each kind of group keeps, finds and needs, by worked example (semantics: vLLM V1, July 2026;
// block size 4 throughout). Whole recordings are in tests/cli/ops.
#include <gtest/gtest.h>

#include "policies/allocator/paged_cache.h"
#include "sim/core/registry.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using Ids = std::vector<std::uint32_t>;

KvGroup group_of(KvGroup::Kind kind, std::int64_t size = 0, std::int64_t block = 4) {
  KvGroup group;
  group.kind = kind;
  group.block = Tokens(block);
  if (kind == KvGroup::Kind::kSlidingWindow) group.window = Tokens(size);
  if (kind == KvGroup::Kind::kChunkedLocal) group.chunk = Tokens(size);
  return group;
}
constexpr auto kFull = KvGroup::Kind::kFull;
constexpr auto kWindow = KvGroup::Kind::kSlidingWindow;
constexpr auto kChunked = KvGroup::Kind::kChunkedLocal;
constexpr auto kMamba = KvGroup::Kind::kMamba;

class GroupTest : public testing::Test {
 protected:
  void use(std::vector<KvGroup> groups, std::int64_t blocks = 40, bool own_head = false) {
    PagedCache::Setup setup;
    setup.blocks = blocks;
    setup.block = Tokens(4);
    setup.groups = std::move(groups);
    setup.max_model_len = Tokens(1000);
    setup.in_flight = Tokens(16);
    setup.drop_last_hit = own_head;
    setup.policy =
        Registry<EvictionPolicy>::make("lru", {static_cast<std::size_t>(blocks), config_});
    cache_.emplace(std::move(setup));
  }
  Sequence prompt(std::uint64_t content, std::int64_t tokens) {
    Sequence s;
    s.id = SequenceId{next_++};
    s.request = tiny::request(0, {{shared_content(content), 0, tokens}}, 100);
    s.request.id = s.id.index;
    return s;
  }
  // One chunk of `fresh` tokens; the first call is an admission.
  bool chunk(Sequence& s, std::int64_t fresh) {
    const Tokens hit = cache_->table(s, 0).empty() && s.computed == Tokens(0)
                           ? cache_->lookup(s).tokens
                           : Tokens(0);
    PagedCache::Demand demand;
    demand.fresh = Tokens(fresh);
    if (!cache_->allocate(s, hit, demand)) return false;
    s.computed += hit + Tokens(fresh);
    cache_->check_books();
    return true;
  }
  Ids table(const Sequence& s, std::size_t g = 0) {
    Ids ids;
    for (const BlockId id : cache_->table(s, g)) ids.push_back(id.index);
    return ids;
  }
  ConfigView config_;
  std::optional<PagedCache> cache_;
  std::uint32_t next_ = 0;
};

TEST_F(GroupTest, GroupsTakeTheirBlocksInTurn) {
  use({group_of(kFull), group_of(kWindow, 8)});
  Sequence s = prompt(1, 10);
  ASSERT_TRUE(chunk(s, 10));
  EXPECT_EQ(table(s, 0), (Ids{1, 2, 3}));
  EXPECT_EQ(table(s, 1), (Ids{4, 5, 6}));
}

// Token 14 sees tokens 7 .. 14: blocks 0 (tokens 0-3) is free, block 1 (4-7) is not.
TEST_F(GroupTest, AWindowLetsGoOfWholeBlocksOnly) {
  use({group_of(kWindow, 8)});
  Sequence s = prompt(1, 14);
  ASSERT_TRUE(chunk(s, 14));
  ASSERT_TRUE(chunk(s, 1));
  EXPECT_EQ(table(s), (Ids{0, 2, 3, 4}));
}

TEST_F(GroupTest, SinksStayWhateverTheWindow) {
  KvGroup streaming = group_of(kWindow, 8);
  streaming.sinks = Tokens(4);
  use({streaming});
  Sequence s = prompt(1, 40);
  ASSERT_TRUE(chunk(s, 16));
  for (int step = 0; step < 24; ++step) {
    ASSERT_TRUE(chunk(s, 1));
    EXPECT_LE(cache_->pool().used(), 1 + 3) << "constant: the sinks, and a window in three blocks";
  }
  EXPECT_EQ(table(s)[0], 1U);
  EXPECT_EQ(table(s)[1], 0U);
}

// A window of 8 needs ceil(7 / 4) = 2 consecutive blocks, the nearest to the end that there are.
TEST_F(GroupTest, AWindowsPrefixIsLookedForFromTheRight) {
  use({group_of(kWindow, 8)});
  Sequence a = prompt(1, 24);
  ASSERT_TRUE(chunk(a, 24));
  cache_->release(a);  // blocks 6 5 4 3 2 1 in the queue, all cached
  Sequence b = prompt(1, 24);
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(20)) << "the last token is computed";
  cache_->pool().withdraw(BlockId{4});
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(12)) << "block 5 alone is not enough";
  EXPECT_EQ(std::vector<BlockId>(cache_->hits(b, 0).begin(), cache_->hits(b, 0).end()),
            (std::vector<BlockId>{kNullBlock, BlockId{2}, BlockId{3}}));
  cache_->pool().withdraw(BlockId{2});
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(4)) << "a run that starts the prompt is a prefix";
}

// Chunks of 8. With 15 tokens the newest chunk is 8 .. 14: only block 2 is asked for. With 16 all
// lies in earlier chunks: a hit that holds nothing.
TEST_F(GroupTest, EarlierChunksCountAsHitsWithoutBlocks) {
  use({group_of(kChunked, 8)});
  Sequence a = prompt(1, 16);
  ASSERT_TRUE(chunk(a, 8)) << "the first chunk of 8 is no longer seen: it is not even computed";
  EXPECT_EQ(table(a), (Ids{0, 0, 1, 2}));
  Sequence b = prompt(1, 16);
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(12));
  EXPECT_EQ(cache_->hits(b, 0)[0], kNullBlock);
  EXPECT_EQ(cache_->hits(b, 0)[2], BlockId{1});
  Sequence c = prompt(2, 17);
  EXPECT_EQ(cache_->lookup(c).tokens, Tokens(16)) << "nobody ever computed it";
}

// vLLM: get_num_skipped_tokens(13) is 8, of 8 is 8, of 7 is 0, in chunks of 8.
TEST_F(GroupTest, AChunkIsLetGoOfWhenTheNextBegins) {
  use({group_of(kChunked, 8)});
  EXPECT_EQ(cache_->group(0).skipped(Tokens(13)), Tokens(8));
  EXPECT_EQ(cache_->group(0).skipped(Tokens(8)), Tokens(8));
  EXPECT_EQ(cache_->group(0).skipped(Tokens(7)), Tokens(0));
}

TEST_F(GroupTest, AMambaHitIsTheOneStateAtItsEnd) {
  KvGroup states = group_of(kMamba);
  states.mode = KvGroup::MambaMode::kAll;
  use({group_of(kFull), states});
  Sequence a = prompt(1, 13);
  ASSERT_TRUE(chunk(a, 13));
  Sequence b = prompt(1, 13);
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(12));
  EXPECT_EQ(cache_->hits(b, 1)[0], kNullBlock);
  EXPECT_FALSE(chunk(b, 1)) << "the state is written in this step";
  cache_->step_starts();
  EXPECT_TRUE(chunk(b, 1));
}

// In align mode a sequence holds its running state, and for one more step the one before.
TEST_F(GroupTest, AnAlignedMambaHoldsOneRunningState) {
  KvGroup states = group_of(kMamba);
  states.mode = KvGroup::MambaMode::kAlign;
  use({states});
  Sequence s = prompt(1, 40);
  ASSERT_TRUE(chunk(s, 4));
  EXPECT_EQ(table(s), (Ids{1}));
  ASSERT_TRUE(chunk(s, 4));
  EXPECT_EQ(table(s), (Ids{1, 2})) << "the last state is read to make the next";
  ASSERT_TRUE(chunk(s, 8));
  EXPECT_EQ(table(s)[0], 0U);
  EXPECT_EQ(table(s)[2], 0U) << "no state inside a chunk";
  EXPECT_LE(cache_->pool().used(), 2);
}

// Groups of 4 and of 6 tokens agree on multiples of 12, found under hashes of 2 tokens.
TEST_F(GroupTest, GroupsOfDifferentSizesAgreeOnTheirCommonMultiple) {
  use({group_of(kFull, 0, 4), group_of(kFull, 0, 6)});
  EXPECT_EQ(cache_->hash_block(), Tokens(2));
  Sequence a = prompt(1, 30);
  ASSERT_TRUE(chunk(a, 30));
  Sequence b = prompt(1, 30);
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(24));
  EXPECT_EQ(cache_->hits(b, 0).size(), 6U);
  EXPECT_EQ(cache_->hits(b, 1).size(), 4U);
  Sequence c = prompt(1, 24);
  EXPECT_EQ(cache_->lookup(c).tokens, Tokens(12));
}

// One group's eviction shortens the other's hit; what it had beyond is a prefix worth sharing.
TEST_F(GroupTest, AHitIsWhatEveryGroupStillHas) {
  use({group_of(kFull), group_of(kWindow, 8)});
  Sequence a = prompt(1, 24);
  ASSERT_TRUE(chunk(a, 24));
  cache_->pool().withdraw(BlockId{11});  // the window's fifth block
  Sequence b = prompt(1, 25);
  const PagedCache::Hit hit = cache_->lookup(b);
  EXPECT_EQ(hit.tokens, Tokens(16));
  EXPECT_EQ(hit.shared_further, Tokens(8));
  EXPECT_EQ(cache_->hits(b, 0).size(), 4U);
}

TEST_F(GroupTest, ADraftHeadNeedsTheLastBlocksStates) {
  use({group_of(kFull)}, 40, /*own_head=*/true);
  Sequence a = prompt(1, 17);
  ASSERT_TRUE(chunk(a, 17));
  Sequence b = prompt(1, 17);
  EXPECT_EQ(cache_->lookup(b).tokens, Tokens(12)) << "16 are cached; their last block is dropped";
}

// A failed allocation takes nothing, but blocks outside the window are gone all the same.
TEST_F(GroupTest, AFailureStillFreesWhatLeftTheWindow) {
  use({group_of(kWindow, 4)}, 8);
  Sequence s = prompt(1, 60);
  ASSERT_TRUE(chunk(s, 12));
  EXPECT_EQ(cache_->pool().free(), 4);
  EXPECT_FALSE(chunk(s, 40));
  EXPECT_EQ(cache_->pool().free(), 6) << "two of three blocks lie before the window";
  EXPECT_EQ(table(s), (Ids{0, 0, 3}));
}

// The blocks that all sequences share, from the left; a stranger makes it none.
TEST_F(GroupTest, TheCommonPrefixIsWhatEverybodyHolds) {
  use({group_of(kFull)});
  Sequence a = prompt(1, 9);
  ASSERT_TRUE(chunk(a, 9));
  EXPECT_EQ(cache_->common_prefix(a, 0), 3) << "alone: its whole table";
  Sequence b = prompt(1, 13);
  ASSERT_TRUE(chunk(b, 5));
  EXPECT_EQ(cache_->common_prefix(a, 0), 2);
  Sequence c = prompt(2, 4);
  ASSERT_TRUE(chunk(c, 4));
  EXPECT_EQ(cache_->common_prefix(a, 0), 0);
}

}  // namespace
}  // namespace kvsim
