// The radix allocator through the verbs that schedulers use: examples, then laws over random runs.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/core/registry.h"
#include "sim/core/rng.h"
#include "sim/model/allocator.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

constexpr std::int64_t kLongest = 4096;

struct World {
  World(std::int64_t capacity, std::int64_t page, const std::string& config = "{}")
      : view(ConfigView::parse(config, "test")),
        memory(Registry<Allocator>::make(
            "radix", {Tokens(capacity), Tokens(page), Tokens(kLongest), view})) {}

  /// A sequence of `prompt` tokens, the first `shared` of which are those of content `topic`.
  Sequence& ask(std::uint64_t topic, std::int64_t shared, std::int64_t prompt,
                std::int64_t output = 8) {
    Sequence& s = *sequences.emplace_back(std::make_unique<Sequence>());
    const std::uint64_t number = sequences.size() - 1;
    s.id = SequenceId{static_cast<std::uint32_t>(number)};
    s.request.prompt = Tokens(prompt);
    s.request.output = Tokens(output);
    s.request.content.append({shared_content(topic), 0, shared});
    s.request.content.append({private_content(number), 0, prompt + output - shared});
    return s;
  }
  bool admit(Sequence& s) {
    const Tokens hit = memory->lookup(s);
    if (!memory->admit(s, hit, s.tokens(), {})) return false;
    s.computed = s.tokens();
    memory->commit(s);
    return true;
  }
  bool decode(Sequence& s) {
    s.generated += Tokens(1);
    if (!memory->grow(s, s.tokens())) {
      s.generated -= Tokens(1);
      return false;
    }
    s.computed = s.tokens();
    return true;
  }
  void finish(Sequence& s, Release why = Release::kFinished) {
    memory->release(s, why);
    s.computed = Tokens(0);
  }

  ConfigView view;
  std::unique_ptr<Allocator> memory;
  std::vector<std::unique_ptr<Sequence>> sequences;
};

TEST(RadixAllocator, RecomputesTheLastPageOfAFullHit) {
  World w(64, 4);
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
  World w(64, 4);
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
  World w(64, 4);
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
  World w(64, 4);
  Sequence& s = w.ask(1, 8, 8);
  ASSERT_TRUE(w.admit(s));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(w.decode(s));
  w.finish(s, Release::kPreempted);
  EXPECT_EQ(w.memory->memory().cached, Tokens(8)) << "the prompt's pages were in the tree already";
  EXPECT_EQ(w.memory->lookup(s), Tokens(8));
  w.memory->check_books();
}

TEST(RadixAllocator, LockedPrefixesAreNotEvicted) {
  World w(32, 1);
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
  World w(32, 1);
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
  World w(32, 1);
  for (const std::uint64_t topic : {1, 2, 3, 4}) {
    Sequence& s = w.ask(topic, 5, 5);
    ASSERT_TRUE(w.admit(s));
    w.finish(s);
  }
  ASSERT_TRUE(w.admit(w.ask(9, 13, 13)));
  EXPECT_EQ(w.memory->counters().evicted_tokens, 15) << "three leaves of 5";
  EXPECT_EQ(w.memory->counters().evictions, 15);
}

TEST(RadixAllocator, EvictsLessImportantRequestsFirst) {
  World w(20, 1, R"({"cache": {"eviction": "priority"}})");
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
  World w(64, 4, R"({"cache": {"enable_prefix_caching": false}})");
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
  World w(35, 4);  // eight pages
  EXPECT_TRUE(w.memory->can_ever_fit(w.ask(1, 0, 25, 8).request)) << "the 33rd needs no slot";
  EXPECT_FALSE(w.memory->can_ever_fit(w.ask(1, 0, 26, 8).request));
  Sequence& s = w.ask(1, 0, 25, 8);
  ASSERT_TRUE(w.admit(s));
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(w.decode(s));
  EXPECT_EQ(w.memory->memory().used, Tokens(32));
  w.memory->check_books();
}

bool same(const MemoryUse& a, const MemoryUse& b) {
  return a.used == b.used && a.internal == b.internal && a.cached == b.cached && a.free == b.free;
}

// A scheduler without sense: chunked prefills, decodes, preemptions and finishes in random order.
class RandomRun {
 public:
  RandomRun(const std::string& policy, std::int64_t page, std::uint64_t seed)
      : world_(kCapacity, page, R"({"cache": {"eviction": ")" + policy + "\"}}"),
        rng_(seed, policy) {}

  void step() {
    const std::uint64_t dice = rng_.below(10);
    if (dice < 2 && running_.size() < 12) return start();
    if (running_.empty()) return;
    const std::size_t at = rng_.below(running_.size());
    if (dice == 9) return stop(at, Release::kPreempted);
    advance(at);
  }
  void check() const { world_.memory->check_books(); }
  void drain() {
    while (!running_.empty()) stop(running_.size() - 1, Release::kPreempted);
    const MemoryUse m = world_.memory->memory();
    EXPECT_EQ(m.held(), Tokens(0));
    EXPECT_EQ(m.cached + m.free, m.capacity);
  }
  [[nodiscard]] std::int64_t refused() const { return refused_; }
  [[nodiscard]] std::int64_t reused() const { return reused_; }

 private:
  static constexpr std::int64_t kCapacity = 512;

  std::int64_t up_to(std::uint64_t n) { return 1 + static_cast<std::int64_t>(rng_.below(n)); }
  // Waiting sequences (preempted or refused) come before new ones.
  Sequence& next() {
    if (!waiting_.empty()) return *waiting_.back();
    const std::int64_t prompt = up_to(90);
    Sequence& s = world_.ask(rng_.below(4), std::min(prompt, up_to(120)), prompt, up_to(40));
    s.request.priority = static_cast<std::int32_t>(rng_.below(5)) - 2;
    s.request.cache_salt = rng_.below(8) == 0 ? 1 : 0;
    EXPECT_TRUE(world_.memory->can_ever_fit(s.request));
    waiting_.push_back(&s);
    return s;
  }
  void start() {
    Sequence& s = next();
    Allocator& memory = *world_.memory;
    const Tokens hit = memory.lookup(s);
    EXPECT_LT(hit, s.tokens());
    EXPECT_EQ(hit, memory.lookup(s)) << "looking twice finds the same";
    const Tokens total =
        hit + Tokens(up_to(static_cast<std::uint64_t>((s.tokens() - hit).value())));
    const MemoryUse before = memory.memory();
    if (!memory.admit(s, hit, total, {rng_.below(2) == 0, !running_.empty(), Tokens(0)})) {
      EXPECT_TRUE(same(memory.memory(), before));
      EXPECT_EQ(hit, memory.lookup(s)) << "a refusal changes nothing";
      EXPECT_FALSE(running_.empty()) << "alone, everything fits";
      ++refused_;
      return;
    }
    reused_ += hit.value();
    s.computed = total;
    memory.commit(s);
    waiting_.pop_back();
    running_.push_back(&s);
  }
  // The next chunk, or the next token.
  void advance(std::size_t at) {
    Sequence& s = *running_[at];
    Allocator& memory = *world_.memory;
    if (s.computed == s.tokens()) {
      s.generated += Tokens(1);
      if (s.finished()) {
        memory.release(s, Release::kFinished);
        running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(at));
        return;
      }
    }
    const Tokens total =
        s.computed + Tokens(up_to(static_cast<std::uint64_t>((s.tokens() - s.computed).value())));
    const MemoryUse before = memory.memory();
    const std::int64_t evicted = memory.counters().evicted_tokens;
    if (!memory.grow(s, total)) {
      EXPECT_TRUE(same(memory.memory(), before));
      EXPECT_EQ(memory.counters().evicted_tokens, evicted);
      EXPECT_GT(running_.size(), 1U) << "alone, everything fits";
      ++refused_;
      return stop(at, Release::kPreempted);
    }
    s.computed = total;
    memory.commit(s);
  }
  void stop(std::size_t at, Release why) {
    Sequence& s = *running_[at];
    world_.finish(s, why);
    waiting_.push_back(&s);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  World world_;
  Rng rng_;
  std::vector<Sequence*> running_;
  std::vector<Sequence*> waiting_;
  std::int64_t refused_ = 0;
  std::int64_t reused_ = 0;
};

class EveryEvictionPolicy : public testing::TestWithParam<std::string> {};

TEST_P(EveryEvictionPolicy, KeepsTheRadixBooks) {
  for (const std::int64_t page : {1, 4, 16}) {
    RandomRun run(GetParam(), page, 7);
    for (int i = 0; i < 3000; ++i) {
      run.step();
      if (i % 16 == 0) run.check();
      ASSERT_FALSE(HasFailure()) << "page " << page << ", step " << i;
    }
    run.check();
    run.drain();
    run.check();
    EXPECT_GT(run.refused(), 0) << "a test of running short must run short";
    EXPECT_GT(run.reused(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Radix, EveryEvictionPolicy,
                         testing::ValuesIn(Registry<EvictionPolicy>::names()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace kvsim
