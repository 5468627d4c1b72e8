// The radix allocator keeps its books over random runs, whatever the eviction policy.
#include <algorithm>

#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "sim/model/eviction_policy.h"
#include "tests/policies/radix_world.h"

namespace kvsim {
namespace {

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
    EXPECT_TRUE(world_.memory->can_ever_fit(s.request, false));
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

  RadixWorld world_;
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
