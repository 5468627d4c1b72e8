// The radix allocator through the verbs that schedulers use: what happens when, in small numbers.
#include <gtest/gtest.h>

#include "tests/policies/radix_world.h"

namespace kvsim {
namespace {

TEST(RadixAllocator, RecomputesTheLastPageOfAFullHit) {
  RadixWorld w(64, 4);
  Sequence& first = w.ask(1, 8, 8);
  ASSERT_TRUE(w.admit(first));
  EXPECT_EQ(w.memory->lookup(w.ask(1, 8, 8)), Tokens(4)) << "the last token must run";
  EXPECT_EQ(w.memory->lookup(w.ask(1, 8, 9)), Tokens(8));
  Sequence& salted = w.ask(1, 8, 9);
  salted.request.cache_salt = 3;
  EXPECT_EQ(w.memory->lookup(salted), Tokens(0));
}

// Two sequences compute the same 8 tokens side by side: the second commit frees its 8 duplicates.
TEST(RadixAllocator, MergesDuplicatesAtCommit) {
  RadixWorld w(64, 4);
  Sequence& a = w.ask(1, 8, 10);
  Sequence& b = w.ask(1, 8, 10);
  ASSERT_TRUE(w.memory->admit(a, w.memory->lookup(a), Tokens(10), {}));
  ASSERT_TRUE(w.memory->admit(b, w.memory->lookup(b), Tokens(10), {}));
  EXPECT_EQ(w.memory->memory().used, Tokens(20));
  for (Sequence* s : {&a, &b}) {
    s->computed = Tokens(10);
    w.memory->commit(*s);
    w.memory->check_books();
  }
  EXPECT_EQ(w.memory->memory().used, Tokens(12)) << "8 shared, 2 and 2 in partial pages";
  EXPECT_EQ(w.memory->memory().internal, Tokens(4));
  EXPECT_EQ(w.memory->memory().free, Tokens(64 - 16));
}

// 10 prompt and 3 computed output tokens: three whole pages stay, the unaligned thirteenth goes.
TEST(RadixAllocator, FreesTheUnalignedTail) {
  RadixWorld w(64, 4);
  Sequence& s = w.ask(1, 8, 10);
  ASSERT_TRUE(w.admit(s));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(w.decode(s));
  w.finish(s);
  EXPECT_EQ(w.memory->memory().cached, Tokens(12));
  EXPECT_EQ(w.memory->memory().free, Tokens(52));
  EXPECT_EQ(w.memory->memory().held(), Tokens(0));
  w.memory->check_books();
}

TEST(RadixAllocator, PreemptionCachesNothingNew) {
  RadixWorld w(64, 4);
  Sequence& s = w.ask(1, 8, 8);
  ASSERT_TRUE(w.admit(s));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(w.decode(s));
  w.finish(s, Release::kPreempted);
  EXPECT_EQ(w.memory->memory().cached, Tokens(8)) << "the prompt's pages were in the tree already";
  EXPECT_EQ(w.memory->lookup(s), Tokens(8));
  w.memory->check_books();
}

TEST(RadixAllocator, LockedPrefixesAreNotEvicted) {
  RadixWorld w(32, 1);
  Sequence& a = w.ask(1, 20, 20);
  ASSERT_TRUE(w.admit(a));
  Sequence& b = w.ask(2, 20, 20);
  EXPECT_FALSE(w.admit(b)) << "12 free, none evictable";
  w.finish(a);
  EXPECT_TRUE(w.admit(b));
  EXPECT_EQ(w.memory->counters().evicted_tokens, 20);
}

// The prefix to be reused is itself all that could be evicted: holding it leaves too little room.
TEST(RadixAllocator, TestsAgainAfterLockingThePrefix) {
  RadixWorld w(32, 1);
  Sequence& a = w.ask(1, 20, 20);
  ASSERT_TRUE(w.admit(a));
  w.finish(a);
  Sequence& b = w.ask(1, 20, 33);
  EXPECT_EQ(w.memory->lookup(b), Tokens(20));
  EXPECT_FALSE(w.memory->admit(b, Tokens(20), Tokens(33), {}));
  EXPECT_EQ(w.memory->memory().cached, Tokens(20));
  w.memory->check_books();
}

// 12 of 32 slots are free and 13 are needed: SGLang evicts for 13, not for the missing one.
TEST(RadixAllocator, EvictsTheFullAmountWhenShort) {
  RadixWorld w(32, 1);
  for (const std::uint64_t topic : {1, 2, 3, 4}) {
    Sequence& s = w.ask(topic, 5, 5);
    ASSERT_TRUE(w.admit(s));
    w.finish(s);
  }
  ASSERT_TRUE(w.admit(w.ask(9, 13, 13)));
  EXPECT_EQ(w.memory->counters().evicted_tokens, 15) << "three leaves of 5";
  EXPECT_EQ(w.memory->counters().evictions, 15);
}

// Three pages are free and three are needed, but SGLang asks for a page more when paged.
TEST(RadixAllocator, OverAsksByAPage) {
  RadixWorld w(64, 4);
  for (std::uint64_t topic = 0; topic < 13; ++topic) {
    Sequence& s = w.ask(topic, 4, 4);
    ASSERT_TRUE(w.admit(s));
    w.finish(s);
  }
  EXPECT_EQ(w.memory->memory().free, Tokens(12));
  ASSERT_TRUE(w.admit(w.ask(99, 12, 12)));
  EXPECT_EQ(w.memory->counters().evictions, 4) << "all four pages of the ask";
  EXPECT_EQ(w.memory->counters().evicted_tokens, 16);
}

TEST(RadixAllocator, CachesOutputWhenTheSequenceIsDone) {
  RadixWorld w(64, 4);
  Sequence& s = w.ask(1, 16, 8);  // what it will say is known content too
  ASSERT_TRUE(w.admit(s));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(w.decode(s));
    w.memory->commit(s);
  }
  Sequence& next_turn = w.ask(1, 16, 16);
  EXPECT_EQ(w.memory->lookup(next_turn), Tokens(8));
  w.finish(s);
  EXPECT_EQ(w.memory->lookup(next_turn), Tokens(12));
}

TEST(RadixAllocator, EvictsLessImportantRequestsFirst) {
  RadixWorld w(20, 1, R"({"cache": {"eviction": "priority"}})");
  Sequence& important = w.ask(1, 8, 8);
  important.request.priority = -1;  // smaller is served first
  Sequence& other = w.ask(2, 8, 8);
  ASSERT_TRUE(w.admit(important));
  ASSERT_TRUE(w.admit(other));
  w.finish(important);
  w.finish(other);  // more recently used
  ASSERT_TRUE(w.admit(w.ask(3, 8, 8)));
  EXPECT_EQ(w.memory->lookup(w.ask(1, 8, 9)), Tokens(8));
  EXPECT_EQ(w.memory->lookup(w.ask(2, 8, 9)), Tokens(0));
}

TEST(RadixAllocator, SharesNothingWithPrefixCachingOff) {
  RadixWorld w(64, 4, R"({"cache": {"enable_prefix_caching": false}})");
  Sequence& a = w.ask(1, 8, 8);
  ASSERT_TRUE(w.admit(a));
  EXPECT_EQ(w.memory->lookup(w.ask(1, 8, 20)), Tokens(0));
  EXPECT_EQ(w.memory->memory().used, Tokens(8));
  w.memory->check_books();
  w.finish(a);
  EXPECT_EQ(w.memory->memory().free, Tokens(64));
  w.memory->check_books();
}

TEST(RadixAllocator, KnowsWhatCanNeverFit) {
  RadixWorld w(35, 4);  // eight pages
  EXPECT_TRUE(w.memory->can_ever_fit(w.ask(1, 0, 25, 8).request, false))
      << "the 33rd needs no slot";
  EXPECT_FALSE(w.memory->can_ever_fit(w.ask(1, 0, 26, 8).request, false));
  Sequence& s = w.ask(1, 0, 25, 8);
  ASSERT_TRUE(w.admit(s));
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(w.decode(s));
  EXPECT_EQ(w.memory->memory().used, Tokens(32));
  w.memory->check_books();
}

}  // namespace
}  // namespace kvsim
