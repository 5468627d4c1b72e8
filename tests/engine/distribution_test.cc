// Distribution: what it calls exact is exact.
#include "sim/engine/distribution.h"

#include <cmath>

#include <gtest/gtest.h>

#include "sim/core/rng.h"

namespace kvsim {
namespace {

constexpr Duration kMs = std::chrono::milliseconds(1);

// Values 2 4 4 4 5 5 7 9 have the mean 5 and the standard deviation 2.
TEST(Distribution, KnowsTheTextbooksDeviation) {
  Distribution d;
  for (const int ms : {2, 4, 4, 4, 5, 5, 7, 9}) d.add(ms * kMs);
  EXPECT_DOUBLE_EQ(d.summary().mean, 5);
  EXPECT_DOUBLE_EQ(*d.summary().deviation, 2);
}

// In doubles the squares of years in nanoseconds would swallow a spread of one nanosecond.
TEST(Distribution, SeesANanosecondBesideYears) {
  constexpr Duration kYears = std::chrono::hours(24 * 365 * 100);
  Distribution d;
  d.add(kYears, 1'000'000);
  d.add(kYears + Duration(2), 1'000'000);
  EXPECT_DOUBLE_EQ(*d.summary().deviation, 1e-6);
}

TEST(Distribution, AgreesWithTheDefinitionInAnyOrder) {
  Rng rng(7, "distribution");
  std::vector<Duration> values;
  for (int i = 0; i < 1000; ++i) values.emplace_back(static_cast<std::int64_t>(rng.below(1 << 30)));
  Distribution forward;
  Distribution backward;
  long double mean = 0;
  for (const Duration v : values) mean += static_cast<long double>(v.count()) / 1000;
  long double squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    forward.add(values[i]);
    backward.add(values[values.size() - 1 - i]);
    const long double off = static_cast<long double>(values[i].count()) - mean;
    squares += off * off;
  }
  const auto expected = static_cast<double>(std::sqrt(squares / 1000)) * 1e-6;
  EXPECT_NEAR(*forward.summary().deviation, expected, 1e-9 * expected);
  EXPECT_EQ(forward.summary().deviation, backward.summary().deviation);
}

TEST(Distribution, HasNoDeviationOfNothing) {
  EXPECT_FALSE(Distribution{}.summary().deviation);
  Distribution one;
  one.add(kMs);
  EXPECT_EQ(one.summary().deviation, 0);
}

}  // namespace
}  // namespace kvsim
