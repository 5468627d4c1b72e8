// Tiers of one replica or two, by worked example; then random walks against what was said.
//
// Chunks of 4 tokens, blocks of 2, a byte a token: over the host link a nanosecond each.
#include "sim/engine/transfer/tiered_store.h"

#include <deque>
#include <set>

#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

constexpr double kGigabyte = 1e9;
Time at(std::int64_t ns) { return Time(Duration(ns)); }

TierPlan::Room room(std::int64_t chunks, double bytes_per_s = kGigabyte) {
  TierPlan::Room r;
  r.chunks = chunks;
  r.link = {bytes_per_s, {}};
  r.eviction = "lru";
  return r;
}

TierPlan plan_of(std::int64_t host_chunks) {
  TierPlan plan;
  plan.chunk = Tokens(4);
  plan.block = Tokens(2);
  plan.load = TierPlan::Load::kAlways;
  plan.gpu_bytes = Bytes(1);
  plan.host_link = {kGigabyte, {}};
  if (host_chunks > 0) plan.host = room(host_chunks);
  return plan;
}

class TieredStoreTest : public testing::Test {
 protected:
  // Computing takes 10 ns a token, whatever comes before.
  TieredStoreTest()
      : cost_([](const StepShape& s) { return Duration(10 * s.prefill_new.value()); }) {}

  TieredStore make(const TierPlan& plan, LinkedTier* remote = nullptr, bool async = true) {
    return TieredStore({plan, async, cost_, local_, remote, config_});
  }
  // A sequence whose prompt is the first tokens of shared content `what`.
  static Sequence sequence(std::uint64_t what, std::int64_t prompt) {
    static std::uint64_t next = 0;
    Sequence s;
    s.id = SequenceId{static_cast<std::uint32_t>(next % 7)};
    s.request = tiny::request(0, {{shared_content(what), 0, prompt}}, 1);
    s.request.id = next++;
    return s;
  }
  // The whole prompt has been computed at `when`.
  static void compute(TieredStore& store, Sequence s, Time when) {
    s.computed = s.request.prompt;
    store.computed(s, when);
    store.check_books();
  }
  static Tokens offer(TieredStore& store, const Sequence& s, Time when, std::int64_t hit = 0) {
    return store.offer(s, Tokens(hit), when);
  }
  ConfigView config_;
  tiny::PriceList cost_;
  LocalSpan local_;
};

// 22 tokens are 5 chunks; another prompt that goes on like that finds them all. One as long must
// compute its last token, and blocks of 2 come whole.
TEST_F(TieredStoreTest, OffersWhatWasComputedOnce) {
  TieredStore store = make(plan_of(100));
  EXPECT_EQ(offer(store, sequence(1, 22), at(0)), Tokens(0));
  compute(store, sequence(1, 22), at(0));
  EXPECT_EQ(offer(store, sequence(1, 30), at(100)), Tokens(20));
  EXPECT_EQ(offer(store, sequence(1, 20), at(100)), Tokens(18));
  EXPECT_EQ(offer(store, sequence(1, 30), at(100), 6), Tokens(14)) << "after a hit of 6";
  EXPECT_EQ(offer(store, sequence(2, 30), at(100)), Tokens(0));
}

TEST_F(TieredStoreTest, KeepsSaltsApart) {
  TieredStore store = make(plan_of(100));
  compute(store, sequence(1, 22), at(0));
  Sequence salted = sequence(1, 22);
  salted.request.cache_salt = 5;
  EXPECT_EQ(offer(store, salted, at(100)), Tokens(0));
}

// Stored at 20 (the last of 5 chunks); loads of 20 bytes queue on the host link.
TEST_F(TieredStoreTest, LoadsQueueOnTheHostLink) {
  TieredStore store = make(plan_of(100));
  compute(store, sequence(1, 20), at(0));
  const Sequence a = sequence(1, 30), b = sequence(1, 30);
  ASSERT_EQ(offer(store, a, at(100)), Tokens(20));
  EXPECT_EQ(store.load(a, Tokens(0), Tokens(20), at(100)), at(120));
  ASSERT_EQ(offer(store, b, at(100)), Tokens(20));
  EXPECT_EQ(store.load(b, Tokens(0), Tokens(20), at(100)), at(140));
}

// 400 bytes are stored before these 8, which are there at 408.
TEST_F(TieredStoreTest, WaitsForWhatIsStillOnItsWay) {
  TieredStore store = make(plan_of(200));
  compute(store, sequence(2, 400), at(0));
  compute(store, sequence(1, 8), at(0));
  const Sequence s = sequence(1, 10);
  ASSERT_EQ(offer(store, s, at(10)), Tokens(8));
  EXPECT_EQ(store.load(s, Tokens(0), Tokens(8), at(10)), at(408));
}

// Computing 21 tokens takes 210 ns; loading 20 at b bytes/ns and computing one, 20 / b + 10.
TEST_F(TieredStoreTest, LoadsWhereThatIsSooner) {
  for (const auto& [bytes_per_ns, offered] : {std::pair{0.11, 20}, {0.09, 0}}) {
    TierPlan plan = plan_of(100);
    plan.load = TierPlan::Load::kCheaper;
    plan.host_link.bytes_per_s = bytes_per_ns * kGigabyte;
    TieredStore store = make(plan);
    compute(store, sequence(1, 20), at(0));
    EXPECT_EQ(offer(store, sequence(1, 21), at(10'000)), Tokens(offered)) << bytes_per_ns;
  }
}

// A load that joins the step hides behind its computing: 101 tokens to compute take longer than 20
// take to load at any such speed; waiting apart it is 20 / 0.15 + 1,010 against 1,210.
TEST_F(TieredStoreTest, AQueueMakesComputingTheSooner) {
  TierPlan plan = plan_of(100);
  plan.load = TierPlan::Load::kCheaper;
  plan.host_link.bytes_per_s = 0.15 * kGigabyte;
  TieredStore store = make(plan);
  compute(store, sequence(1, 20), at(0));
  const Sequence first = sequence(1, 121), second = sequence(1, 121);
  ASSERT_EQ(offer(store, first, at(10'000)), Tokens(20));
  (void)store.load(first, Tokens(0), Tokens(20), at(10'000));
  EXPECT_EQ(offer(store, second, at(10'000)), Tokens(0)) << "133 ns of queue, 200 ns to gain";
  TieredStore layered = make(plan, nullptr, false);
  compute(layered, sequence(1, 20), at(0));
  ASSERT_EQ(offer(layered, first, at(10'000)), Tokens(20));
  (void)layered.load(first, Tokens(0), Tokens(20), at(10'000));
  EXPECT_EQ(offer(layered, second, at(10'000)), Tokens(20));
}

// Two GPUs: 20 tokens are 20 bytes on each host link and 40 on the disk's.
TEST_F(TieredStoreTest, EveryGpuMovesItsShareAndADiskTheSum) {
  TierPlan plan = plan_of(0);
  plan.gpus = 2;
  plan.disk = room(100);
  TieredStore store = make(plan);
  compute(store, sequence(1, 20), at(0));
  EXPECT_EQ(store.host_out().sent(), Bytes(20));
  EXPECT_EQ(store.disk()->out.sent(), Bytes(40));
  const Sequence s = sequence(1, 30);
  ASSERT_EQ(offer(store, s, at(100)), Tokens(20));
  EXPECT_EQ(store.load(s, Tokens(0), Tokens(20), at(100)), at(140));
}

// Two chunks fit the host: what it gives up goes to the disk, comes back from there, and is in the
// host's memory again.
TEST_F(TieredStoreTest, SpillsToTheDiskAndPromotesOnAHit) {
  TierPlan plan = plan_of(2);
  plan.disk = room(100, kGigabyte / 2);
  TieredStore store = make(plan);
  compute(store, sequence(1, 8), at(0));
  EXPECT_EQ(store.disk()->out.sent(), Bytes(0));
  compute(store, sequence(2, 8), at(50));
  EXPECT_EQ(store.disk()->tier.size(), 2);
  const Sequence s = sequence(1, 9);
  ASSERT_EQ(offer(store, s, at(100)), Tokens(8));
  EXPECT_EQ(store.load(s, Tokens(0), Tokens(8), at(100)), at(116)) << "the disk's 2 ns a byte";
  EXPECT_EQ(store.host()->counters().stored, Tokens(8 + 8 + 8));
  const Sequence again = sequence(1, 9);
  ASSERT_EQ(offer(store, again, at(200)), Tokens(8));
  EXPECT_EQ(store.load(again, Tokens(0), Tokens(8), at(200)), at(208)) << "from the host";
}

TEST_F(TieredStoreTest, WritesThroughToTheNextTier) {
  TierPlan plan = plan_of(2);
  plan.disk = room(100);
  plan.disk->written_through = true;
  TieredStore store = make(plan);
  compute(store, sequence(1, 8), at(0));
  EXPECT_EQ(store.disk()->out.sent(), Bytes(8));
  compute(store, sequence(2, 8), at(50));
  EXPECT_EQ(store.disk()->out.sent(), Bytes(16)) << "given up by the host, but here already";
}

TEST_F(TieredStoreTest, StoresSelectivelyAtTheSecondUse) {
  TierPlan plan = plan_of(100);
  plan.store = TierPlan::Store::kSelective;
  plan.threshold = 2;
  TieredStore store = make(plan);
  compute(store, sequence(1, 20), at(0));
  EXPECT_EQ(store.host()->size(), 0);
  compute(store, sequence(1, 8), at(0));
  EXPECT_EQ(store.host()->size(), 2);
}

// HiCache: copies form whole prefixes. The second chunk is computed when the first has gone.
TEST_F(TieredStoreTest, StoresNothingBehindAGapIfClosed) {
  for (const bool closed : {false, true}) {
    TierPlan plan = plan_of(1);
    plan.closed = closed;
    plan.store = TierPlan::Store::kSelective;
    TieredStore store = make(plan);
    Sequence s = sequence(1, 8);
    s.computed = Tokens(4);
    store.computed(s, at(0));
    compute(store, sequence(2, 4), at(0));
    compute(store, s, at(0));
    EXPECT_EQ(store.host()->counters().stored, Tokens(closed ? 8 : 12));
  }
}

TEST_F(TieredStoreTest, LoadsNoTrifles) {
  TierPlan plan = plan_of(100);
  plan.least_load = Tokens(10);
  TieredStore store = make(plan);
  compute(store, sequence(1, 12), at(0));
  EXPECT_EQ(offer(store, sequence(1, 13), at(100)), Tokens(12));
  EXPECT_EQ(offer(store, sequence(1, 13), at(100), 4), Tokens(0));
}

// The block that ends a chunk takes the chunk with it; the room of 4 tokens is read by 4 ns later.
TEST_F(TieredStoreTest, WritesBackWhatThePoolGivesUp) {
  TierPlan plan = plan_of(100);
  plan.store = TierPlan::Store::kOnEvict;
  TieredStore store = make(plan);
  const Sequence s = sequence(1, 8);
  compute(store, s, at(0));
  EXPECT_EQ(store.host()->size(), 0);
  BlockKeys blocks;
  blocks.restart(0);
  blocks.extend(s.request, 4, Tokens(2));
  std::vector<Eviction> gone;
  for (const std::uint32_t block : {3U, 2U}) {
    Eviction& e = gone.emplace_back();
    e.entry.depth = 2 * block;
    e.entry.tokens = 2;
    e.entry.content = blocks[block].lo;
  }
  EXPECT_EQ(store.evicted(gone, at(100)), at(104));
  EXPECT_EQ(store.host()->size(), 1);
  EXPECT_EQ(store.evicted(gone, at(200)), at(200)) << "it is in the pool no more";
}

TEST_F(TieredStoreTest, ReplicasShareTheRemoteStore) {
  TierPlan plan = plan_of(0);
  plan.remote = room(100);
  LinkedTier remote(plan, *plan.remote, config_);
  TieredStore one = make(plan, &remote), other = make(plan, &remote);
  compute(one, sequence(1, 20), at(0));
  const Sequence s = sequence(1, 30);
  ASSERT_EQ(offer(other, s, at(100)), Tokens(20));
  EXPECT_EQ(other.load(s, Tokens(0), Tokens(20), at(100)), at(120));
  compute(other, sequence(1, 20), at(200));
  EXPECT_EQ(remote.out.sent(), Bytes(20)) << "it is there already";
}

// Five chunks leave at a byte a ns: at 10 ns two are there, and nobody else is offered the others.
TEST_F(TieredStoreTest, WhatAnotherIsStillSendingIsNotThere) {
  TierPlan plan = plan_of(0);
  plan.remote = room(100);
  LinkedTier remote(plan, *plan.remote, config_);
  TieredStore one({plan, true, cost_, local_, &remote, config_, ReplicaId{0}});
  TieredStore other({plan, true, cost_, local_, &remote, config_, ReplicaId{1}});
  compute(one, sequence(1, 20), at(0));
  EXPECT_EQ(offer(one, sequence(1, 30), at(10)), Tokens(20)) << "its own are on their way";
  EXPECT_EQ(offer(other, sequence(1, 30), at(10)), Tokens(8));
  EXPECT_EQ(offer(other, sequence(1, 30), at(20)), Tokens(20));
  one.lost(at(10));
  one.check_books();
  EXPECT_EQ(remote.tier.counters().lost, Tokens(12));
  EXPECT_EQ(offer(other, sequence(1, 30), at(20)), Tokens(8));
}

// 20 bytes come from the store until 120; at 105 it goes down. What it was to leave in the host's
// memory is not there, what came from the pool meanwhile is.
TEST_F(TieredStoreTest, WhatWasComingFromAStoreThatGoesDownIsLost) {
  TierPlan plan = plan_of(100);
  plan.remote = room(100);
  plan.remote->written_through = true;
  LinkedTier remote(plan, *plan.remote, config_);
  TieredStore one({plan, true, cost_, local_, &remote, config_, ReplicaId{0}});
  TieredStore other({plan, true, cost_, local_, &remote, config_, ReplicaId{1}});
  compute(one, sequence(1, 20), at(0));
  const Sequence s = sequence(1, 30);
  ASSERT_EQ(offer(other, s, at(100)), Tokens(20));
  ASSERT_EQ(other.load(s, Tokens(0), Tokens(20), at(100)), at(120));
  compute(other, sequence(2, 8), at(103));
  EXPECT_FALSE(other.failed(s));
  remote.go_down(at(105), false);
  other.cut_off(remote, at(105));
  other.check_books();
  EXPECT_TRUE(other.failed(s));
  EXPECT_EQ(other.host()->size(), 2);
  EXPECT_EQ(remote.tier.size(), 5) << "the two chunks on their way there are lost";
  EXPECT_EQ(offer(other, sequence(1, 30), at(110)), Tokens(0));
  EXPECT_EQ(offer(one, sequence(1, 30), at(110)), Tokens(20)) << "from its own host";
  compute(one, sequence(3, 8), at(110));
  EXPECT_EQ(remote.tier.size(), 5) << "nothing is stored there";
  other.arrived(s, at(110));
  compute(other, s, at(115));
  EXPECT_EQ(other.host()->size(), 2 + 7) << "what did not come is computed and stored";
  remote.come_up();
  EXPECT_EQ(offer(other, sequence(1, 30), at(200)), Tokens(28));
}

// A request that lost its replica may come back to it.
TEST_F(TieredStoreTest, IsEmptyAfterAFailureAndFilledAgain) {
  for (const auto rule : {TierPlan::Store::kWriteThrough, TierPlan::Store::kSelective}) {
    TierPlan plan = plan_of(100);
    plan.store = rule;
    TieredStore store = make(plan);
    const Sequence s = sequence(1, 20);
    compute(store, s, at(0));
    EXPECT_EQ(store.host()->size(), 5);
    store.lost(at(50));
    EXPECT_EQ(offer(store, s, at(50)), Tokens(0));
    EXPECT_EQ(store.host_out().busy(), Duration(20));
    compute(store, s, at(60));
    EXPECT_EQ(store.host()->size(), 5);
    store.check_books();
  }
}

TEST_F(TieredStoreTest, PrefetchesFromTheDiskWhileTheRequestWaits) {
  TierPlan plan = plan_of(2);
  plan.disk = room(100, kGigabyte / 10);
  plan.prefetch = true;
  TieredStore store = make(plan);
  compute(store, sequence(1, 8), at(0));
  compute(store, sequence(2, 8), at(0));
  const Sequence s = sequence(1, 9);
  store.queued(s, at(1000));  // 8 bytes, 10 ns each: in the host's memory at 1,080
  ASSERT_EQ(offer(store, s, at(1070)), Tokens(8));
  EXPECT_EQ(store.load(s, Tokens(0), Tokens(8), at(1070)), at(1080));
  EXPECT_EQ(store.disk()->in.sent(), Bytes(8)) << "once";
}

// Whatever the plan: only what was computed before is offered, what is loaded was offered, and with
// room for all of it nothing is forgotten.
TEST_F(TieredStoreTest, OffersOnlyWhatWasStored) {
  for (std::uint64_t seed = 0; seed < repetitions(30U); ++seed) {
    Rng rng(seed, "tiered store");
    TierPlan plan = plan_of(static_cast<std::int64_t>(rng.below(6)));
    if (rng.below(2) == 0) {
      plan.disk = room(static_cast<std::int64_t>(1 + rng.below(8)));
      plan.disk->written_through = rng.below(2) == 0;
    }
    plan.remote = room(seed % 3 == 0 ? 1000 : static_cast<std::int64_t>(1 + rng.below(20)));
    plan.remote->written_through = seed % 3 == 0 || rng.below(2) == 0;
    plan.prefetch = plan.host && rng.below(2) == 0;
    const bool keeps_all = seed % 3 == 0;
    LinkedTier remote(plan, *plan.remote, config_);
    std::deque<TieredStore> replicas;
    for (int i = 0; i < 2; ++i)
      replicas.emplace_back(TieredStore::Setup{plan, true, cost_, local_, &remote, config_});
    // Prompts are paths in a tree of contents; a prefix is known by the content of every token.
    std::set<std::vector<std::pair<std::uint64_t, std::int64_t>>> stored;
    std::int64_t now = 0;
    for (int i = 0; i < 300; ++i) {
      now += static_cast<std::int64_t>(rng.below(20));
      TieredStore& store = replicas[rng.below(2)];
      Sequence s = sequence(rng.below(3), static_cast<std::int64_t>(1 + rng.below(9)));
      for (auto n = rng.below(3); n > 0; --n)
        s.request.content = [&] {
          Content longer;
          longer.append_slice(s.request.content, Tokens(0), s.request.prompt);
          const auto more = static_cast<std::int64_t>(1 + rng.below(9));
          longer.append({shared_content(10 + rng.below(2)), 0, more});
          s.request.prompt += Tokens(more);
          longer.append({private_content(s.request.id), 0, 1});
          return longer;
        }();
      std::vector<std::pair<std::uint64_t, std::int64_t>> tokens;
      for (const Span& span : s.request.content.spans())
        for (std::int64_t t = 0; t < span.length; ++t)
          tokens.emplace_back(span.content, span.offset + t);
      const auto prefix = [&](std::int64_t n) {
        return decltype(tokens)(tokens.begin(), tokens.begin() + n);
      };
      store.queued(s, at(now));
      const auto hit = static_cast<std::int64_t>(
          rng.below(static_cast<std::uint64_t>(s.request.prompt.value())));
      const Tokens offered = store.offer(s, Tokens(hit), at(now));
      ASSERT_LT(hit + offered.value(), s.tokens().value());
      const std::int64_t chunks = (hit + offered.value() + 3) / 4;
      if (offered > Tokens(0)) {
        ASSERT_EQ(stored.count(prefix(4 * chunks)), 1U) << "nobody has computed this";
        ASSERT_GE(store.load(s, Tokens(hit), offered, at(now)), at(now));
      } else if (keeps_all) {
        const std::int64_t limit = (s.tokens().value() - 1) / 2 * 2;
        if (hit < limit && 4 * (hit / 4 + 1) <= s.tokens().value()) {
          ASSERT_EQ(stored.count(prefix(4 * (hit / 4 + 1))), 0U) << "it had room for all";
        }
      }
      compute(store, s, at(now));
      for (std::int64_t n = 4; n <= s.request.prompt.value(); n += 4) stored.insert(prefix(n));
    }
    for (const TieredStore& store : replicas) store.check_books();
  }
}

}  // namespace
}  // namespace kvsim
