// Laws of every registered allocator under every registered eviction policy, driven verb by verb
// with no scheduler in between: books after every call, and a refusal changes nothing.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "sim/model/allocator.h"
#include "sim/model/eviction_policy.h"
#include "tests/support/any_future.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

bool same(const MemoryUse& a, const MemoryUse& b) {
  return a.used == b.used && a.reserved == b.reserved && a.internal == b.internal &&
         a.cached == b.cached && a.held() + a.free == b.held() + b.free;
}

using Param = std::tuple<std::string, std::string>;  // allocator, eviction

class EveryAllocator : public testing::TestWithParam<Param> {
 protected:
  std::unique_ptr<Allocator> make(std::int64_t blocks) {
    config_.set("/cache/eviction", std::get<1>(GetParam()), "test");
    config_.set("/cache/reserve", "pow2", "test");
    return Registry<Allocator>::make(std::get<0>(GetParam()), {.capacity = Tokens(8 * blocks),
                                                               .block = Tokens(8),
                                                               .max_model_len = Tokens(600),
                                                               .config = config_,
                                                               .future = &future_});
  }
  ConfigView config_;
  AnyFuture future_;
};

// One sequence's next verb: admitted if it is not, else grown by a few tokens, else let go.
class Driver {
 public:
  Driver(Allocator& memory, std::uint64_t seed) : memory_(memory), rng_(seed, "driver") {
    all_ = tiny::random_requests(seed, 400, 1);
  }
  void step() {
    const auto slot = static_cast<std::uint32_t>(rng_.below(kSlots));
    Sequence& s = slots_[slot];
    const MemoryUse before = memory_.memory();
    bool done = true;
    if (!s.running) {
      done = start(s, slot);
    } else if (s.computed < s.request.prompt + s.request.output - Tokens(1)) {
      done = advance(s);
    } else {
      stop(s, rng_.below(4) == 0 ? Release::kPreempted : Release::kFinished);
    }
    if (!done) {
      ++refusals;
      EXPECT_TRUE(same(before, memory_.memory())) << "a refusal changes nothing";
    }
    memory_.check_books();
    EXPECT_TRUE(memory_.memory().adds_up());
    if (++steps_ % 50 == 0) check_map();
  }
  void stop_all() {
    for (Sequence& s : slots_)
      if (s.running) stop(s, Release::kFinished);
  }
  [[nodiscard]] std::uint64_t issued() const { return next_; }
  int refusals = 0;

 private:
  static constexpr std::uint32_t kSlots = 8;

  bool start(Sequence& s, std::uint32_t slot) {
    s = Sequence{};
    s.id = SequenceId{slot};
    s.request = all_[next_ % all_.size()];
    s.request.id = next_++;
    if (!memory_.can_ever_fit(s.request, false)) return true;
    const Tokens hit = memory_.lookup(s);
    const Tokens first =
        hit + Tokens(1 + static_cast<std::int64_t>(
                             rng_.below(static_cast<std::uint64_t>((s.tokens() - hit).value()))));
    const Tokens reserve = rng_.below(4) == 0 ? s.request.prompt + s.request.output : Tokens(0);
    if (!memory_.admit(s, hit, first, {rng_.below(2) == 0, true, reserve})) return false;
    s.running = true;
    s.computed = first;
    memory_.commit(s);
    return true;
  }
  bool advance(Sequence& s) {
    const Tokens most = s.computed < s.request.prompt ? s.request.prompt - s.computed : Tokens(1);
    const Tokens fresh(
        1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.value()))));
    const bool decode = s.computed >= s.request.prompt;
    if (decode) s.generated += Tokens(1);
    if (!memory_.grow(s, s.computed + fresh)) {
      if (decode) s.generated -= Tokens(1);
      stop(slots_[rng_.below(kSlots)], Release::kPreempted, /*only_if_running=*/true);
      return true;
    }
    s.computed += fresh;
    if (!decode) memory_.commit(s);
    return true;
  }
  // The picture shows the memory that the sums tell of, in order, and who holds it.
  void check_map() const {
    const MemoryMap map = memory_.map();
    const MemoryUse use = memory_.memory();
    std::array<Tokens, 6> slots{};
    Tokens filled;
    std::int64_t end = 0;
    for (const MemoryMap::Patch& patch : map.patches) {
      EXPECT_GE(patch.first_slot, end);
      EXPECT_LE(patch.filled, patch.slots);
      end = patch.first_slot + patch.slots.value();
      slots[static_cast<std::size_t>(patch.spent)] += patch.slots;
      if (patch.spent == MemoryMap::Spent::kUsed) filled += patch.filled;
      EXPECT_EQ(patch.users > 0,
                patch.owner != kNoRequest && patch.spent != MemoryMap::Spent::kCached);
    }
    EXPECT_EQ(std::accumulate(slots.begin(), slots.end(), Tokens{}), use.capacity);
    EXPECT_EQ(slots[static_cast<std::size_t>(MemoryMap::Spent::kCached)], use.cached);
    EXPECT_EQ(filled, use.used);
    std::size_t held = 0;
    for (const Sequence& s : slots_) held += s.running;
    if (memory_.caches_prefixes()) {
      EXPECT_EQ(map.tables.size(), held);
    }
    for (std::size_t i = 0; i < map.prefixes.size(); ++i) {
      const MemoryMap::Prefix& prefix = map.prefixes[i];
      if (prefix.parent == MemoryMap::Prefix::kRoot) {
        EXPECT_EQ(prefix.depth, Tokens(0));
        continue;
      }
      ASSERT_LT(prefix.parent, i) << "parents come first";
      const MemoryMap::Prefix& parent = map.prefixes[prefix.parent];
      EXPECT_EQ(parent.depth + parent.tokens, prefix.depth);
      EXPECT_GE(parent.users, prefix.users > 0 ? 1U : 0U);
    }
  }
  void stop(Sequence& s, Release why, bool only_if_running = false) {
    if (only_if_running && !s.running) return;
    memory_.release(s, why);
    s.running = false;
  }

  Allocator& memory_;
  Rng rng_;
  std::vector<Request> all_;
  std::size_t next_ = 0;
  int steps_ = 0;
  std::array<Sequence, kSlots> slots_;
};

TEST_P(EveryAllocator, KeepsItsBooksAndRefusesWithoutATrace) {
  int refusals = 0;
  std::int64_t evictions = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const auto memory = make(90);
    std::vector<Eviction> log;
    memory->log_evictions(&log);
    Driver driver(*memory, seed);
    for (int i = 0; i < 1500; ++i) driver.step();
    driver.stop_all();
    EXPECT_EQ(memory->memory().held(), Tokens(0)) << "nobody holds anything any more";
    memory->check_books();
    refusals += driver.refusals;
    evictions += memory->counters().evictions;
    std::int64_t logged = 0;
    for (const Eviction& gone : log) {
      logged += gone.entry.tokens;
      EXPECT_LT(gone.entry.writer, driver.issued());
      EXPECT_LT(gone.needed_by, driver.issued()) << "it made room for somebody";
      EXPECT_LE(gone.entry.last_used, memory->ticks());
    }
    EXPECT_EQ(logged, memory->counters().evicted_tokens) << "every eviction is told of";
  }
  EXPECT_GT(refusals, 0) << "the pool was never full: the test tested nothing";
  EXPECT_EQ(evictions > 0, std::get<0>(GetParam()) != "contiguous");
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryAllocator,
                         testing::Combine(testing::ValuesIn(Registry<Allocator>::names()),
                                          testing::ValuesIn(Registry<EvictionPolicy>::names())),
                         [](const auto& test) {
                           std::string name =
                               std::get<0>(test.param) + "_" + std::get<1>(test.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Served one after the other, the same requests hit at least as much in a larger LRU memory.
TEST(Lru, NeverHitsLessWithMoreMemory) {
  for (const std::string allocator : {"paged", "radix"}) {
    for (std::uint64_t seed = 0; seed < repetitions(10U); ++seed) {
      tiny::World world;
      world.config.set("/cache/allocator", allocator, "test");
      world.config.set("/scheduler/max_num_seqs", 1, "test");
      world.requests = tiny::random_requests(seed, 400, 1);
      std::int64_t last = -1;
      std::int64_t first = 0;
      for (const std::int64_t blocks : {40, 50, 60, 80, 100, 140, 200, 400, 1000}) {
        world.capacity = world.block * blocks;
        const Report report = world.run();
        EXPECT_EQ(report.requests.rejected, 0);
        EXPECT_GE(report.prefix_cache.hit_tokens, last)
            << allocator << " seed " << seed << " blocks " << blocks;
        last = report.prefix_cache.hit_tokens;
        if (first == 0) first = last;
      }
      EXPECT_GT(last, first) << "memory mattered";
    }
  }
}

}  // namespace
}  // namespace kvsim
