// Ranges by worked example, and every fit against a plain scan of a map of single tokens.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "policies/allocator/range_pool.h"
#include "sim/core/rng.h"
#include "sim/model/allocator.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// Holes of 10 (at 0) and 5 (at 20), the rest taken.
void make_two_holes(RangePool& pool) {
  const auto a = pool.take(Tokens(10));
  const auto b = pool.take(Tokens(10));
  const auto c = pool.take(Tokens(5));
  const auto d = pool.take(Tokens(7));
  ASSERT_TRUE(a && b && c && d);
  pool.give_back(*a);
  pool.give_back(*c);
}

TEST(HoleRanges, FirstFitTakesTheLowestHoleAndBestFitTheSmallest) {
  HoleRanges first(Tokens(32), Fit::kFirst);
  make_two_holes(first);
  EXPECT_EQ(first.take(Tokens(4))->start, Tokens(0));
  HoleRanges best(Tokens(32), Fit::kBest);
  make_two_holes(best);
  EXPECT_EQ(best.take(Tokens(4))->start, Tokens(20));
}

TEST(BuddyRanges, SplitsAndMergesPowersOfTwo) {
  BuddyRanges pool(Tokens(24));  // 16 + 8
  const auto a = pool.take(Tokens(3));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->length, Tokens(4));
  EXPECT_EQ(a->start, Tokens(16)) << "the smaller chunk is split first";
  const auto b = pool.take(Tokens(9));
  ASSERT_TRUE(b);
  EXPECT_EQ(b->start, Tokens(0));
  EXPECT_FALSE(pool.take(Tokens(5))) << "4 tokens are left";
  pool.give_back(*a);
  EXPECT_TRUE(pool.take(Tokens(8))) << "buddies merged again";
  EXPECT_FALSE(pool.can_ever_take(Tokens(17)));
  EXPECT_TRUE(pool.can_ever_take(Tokens(16)));
}

// The oracle: a map of single tokens. A hole is a run of free ones.
class TokenMap {
 public:
  explicit TokenMap(std::size_t n) : taken_(n) {}
  void mark(Range r, bool taken) {
    for (std::int64_t t = r.start.value(); t < (r.start + r.length).value(); ++t) {
      ASSERT_NE(taken_.at(static_cast<std::size_t>(t)), taken) << "ranges do not overlap";
      taken_[static_cast<std::size_t>(t)] = taken;
    }
  }
  // Where first fit (or best fit) must put `length` tokens; -1 if nowhere.
  [[nodiscard]] std::int64_t place(std::size_t length, bool best) const {
    std::int64_t found = -1;
    std::size_t found_size = taken_.size() + 1;
    for (std::size_t i = 0; i < taken_.size();) {
      std::size_t end = i;
      while (end < taken_.size() && !taken_[end]) ++end;
      if (end - i >= length && end - i < found_size && (best || found < 0)) {
        found = static_cast<std::int64_t>(i);
        found_size = end - i;
      }
      i = end + 1;
    }
    return found;
  }
  [[nodiscard]] std::int64_t free() const {
    return std::count(taken_.begin(), taken_.end(), false);
  }

 private:
  std::vector<bool> taken_;
};

constexpr std::int64_t kTokens = 200;

class EveryFit : public testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<RangePool> make() {
    if (GetParam() == "buddy") return std::make_unique<BuddyRanges>(Tokens(kTokens));
    return std::make_unique<HoleRanges>(Tokens(kTokens),
                                        GetParam() == "best" ? Fit::kBest : Fit::kFirst);
  }
};

TEST_P(EveryFit, AgreesWithAMapOfTokens) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto pool = make();
    TokenMap map(kTokens);
    std::vector<Range> live;
    Rng rng(seed, "ranges");
    std::size_t failures = 0;
    for (int step = 0; step < 1000; ++step) {
      if (!live.empty() && rng.below(2) == 0) {
        std::swap(live[rng.below(live.size())], live.back());
        map.mark(live.back(), false);
        pool->give_back(live.back());
        live.pop_back();
      } else {
        const std::size_t length = 1 + rng.below(40);
        const auto range = pool->take(Tokens(static_cast<std::int64_t>(length)));
        if (GetParam() != "buddy") {
          ASSERT_EQ(range ? range->start.value() : -1, map.place(length, GetParam() == "best"));
        }
        failures += !range;
        if (range) map.mark(*range, true);
        if (range) live.push_back(*range);
      }
      ASSERT_EQ(pool->count_free().value(), map.free());
    }
    EXPECT_GT(failures, 0U);
    for (const Range& range : live) pool->give_back(range);
    EXPECT_EQ(pool->count_free(), Tokens(kTokens));
    EXPECT_TRUE(pool->take(Tokens(128))) << "everything merged again";
  }
}

INSTANTIATE_TEST_SUITE_P(Fits, EveryFit, testing::Values("first", "best", "buddy"),
                         [](const auto& test) { return test.param; });

std::unique_ptr<Allocator> contiguous(const ConfigView& config, std::int64_t capacity,
                                      std::int64_t max_model_len) {
  return Registry<Allocator>::make("contiguous",
                                   {Tokens(capacity), Tokens(16), Tokens(max_model_len), config});
}

Sequence sequence(std::uint32_t id, std::int64_t prompt, std::int64_t output) {
  Sequence s;
  s.id = SequenceId{id};
  s.request = tiny::lonely(0, prompt, output);
  return s;
}

// A prompt of 100 and an output of 40 in ranges of 1000, 10 tokens on: Fig. 2's split by hand.
TEST(Contiguous, SplitsARangeIntoUsedReservedInternalAndExternal) {
  struct Row {
    const char* reserve;
    const char* fit;
    std::int64_t used, reserved, internal, external;
  };
  for (const Row& row :
       {Row{"max", "first", 110, 30, 860, 0}, Row{"pow2", "first", 110, 30, 24, 0},
        Row{"oracle", "best", 110, 30, 0, 0}, Row{"max", "buddy", 110, 30, 860, 24},
        Row{"oracle", "buddy", 110, 30, 0, 116}}) {
    ConfigView config;
    config.set("/cache/reserve", row.reserve, "t");
    config.set("/cache/fit", row.fit, "t");
    const auto memory = contiguous(config, 4096, 1000);
    const Sequence s = sequence(0, 100, 40);
    ASSERT_TRUE(memory->admit(s, Tokens(0), Tokens(100), {}));
    ASSERT_TRUE(memory->grow(s, Tokens(110)));
    const MemoryUse use = memory->memory();
    EXPECT_EQ(use.used, Tokens(row.used)) << row.reserve << " " << row.fit;
    EXPECT_EQ(use.reserved, Tokens(row.reserved)) << row.reserve << " " << row.fit;
    EXPECT_EQ(use.internal, Tokens(row.internal)) << row.reserve << " " << row.fit;
    EXPECT_EQ(use.external, Tokens(row.external)) << row.reserve << " " << row.fit;
    memory->check_books();
    memory->release(s, Release::kFinished);
    EXPECT_EQ(memory->memory().free, Tokens(4096));
  }
}

// 300 tokens: ranges of 100 at 0, 100 and 200. Freeing the outer two leaves 200 free, in halves.
TEST(Contiguous, CountsHolesTooSmallForWhoWaitsAsExternal) {
  ConfigView config;
  config.set("/cache/reserve", "oracle", "t");
  const auto memory = contiguous(config, 300, 300);
  const Sequence a = sequence(0, 60, 40);
  const Sequence b = sequence(1, 60, 40);
  const Sequence c = sequence(2, 60, 40);
  const Sequence large = sequence(3, 110, 40);
  for (const Sequence* s : {&a, &b, &c}) ASSERT_TRUE(memory->admit(*s, Tokens(0), Tokens(60), {}));
  memory->release(a, Release::kFinished);
  memory->release(c, Release::kFinished);
  EXPECT_EQ(memory->memory().free, Tokens(200));
  EXPECT_FALSE(memory->admit(large, Tokens(0), Tokens(110), {}));
  EXPECT_EQ(memory->memory().external, Tokens(200));
  EXPECT_EQ(memory->memory().free, Tokens(0));
  memory->release(b, Release::kFinished);
  EXPECT_EQ(memory->memory().free, Tokens(300));
  EXPECT_TRUE(memory->admit(large, Tokens(0), Tokens(110), {}));
}

}  // namespace
}  // namespace kvsim
