// The searches of a plan, against the answers they look for.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "sim/cli/plan/highest_load.h"
#include "sim/cli/plan/smallest_fleet.h"
#include "sim/core/rng.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

constexpr double kAll = std::numeric_limits<double>::infinity();

/// What each candidate needs at least, and how many trials it took to find out.
struct Oracle {
  std::vector<std::int64_t> need;
  std::size_t trials = 0;
  std::vector<bool> operator()(const std::vector<FleetTrial>& asked) {
    std::vector<bool> met;
    for (const FleetTrial& t : asked) met.push_back(t.replicas >= need[t.candidate]);
    trials += asked.size();
    return met;
  }
};

TEST(SmallestFleets, FindsEveryNeedInLogarithmicTime) {
  Oracle oracle{{1, 7, 100, 1000, 5000}};
  const auto found =
      smallest_fleets({{1, 4096, 1}, {1, 4096, 2}, {3, 4096, 1}, {1000, 4096, 1}, {1, 4096, 1}},
                      kAll, std::ref(oracle));
  EXPECT_EQ(found[0].smallest, 1);
  EXPECT_EQ(found[1].smallest, 7);
  EXPECT_EQ(found[1].refused, 6);
  EXPECT_EQ(found[2].smallest, 100);
  EXPECT_EQ(found[3].smallest, 1000) << "the bound itself";
  EXPECT_EQ(found[4].smallest, std::nullopt);
  EXPECT_EQ(found[4].refused, 4096) << "the largest allowed was tried";
  EXPECT_FALSE(found[4].given_up);
  EXPECT_LE(oracle.trials, 1U + 6 + 14 + 1 + 13);
}

// With everything looked at, the answers are the needs; with `within` 1, the cheapest is still
// found, whatever is given up would have cost more, and what is told is true.
TEST(SmallestFleets, NeverGivesUpOnTheCheapest) {
  Rng rng(1, "smallest fleets");
  for (int round = 0; round < repetitions(300); ++round) {
    Oracle oracle;
    std::vector<FleetRange> ranges;
    double cheapest = kAll;
    for (std::uint64_t i = 0; i < 1 + rng.below(20); ++i) {
      const auto need = static_cast<std::int64_t>(1 + rng.below(40));
      const auto first = 1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(need)));
      ranges.push_back({first, 30, 0.5 + rng.uniform()});
      oracle.need.push_back(need);
      if (need <= 30)
        cheapest = std::min(cheapest, ranges.back().price * static_cast<double>(need));
    }
    const double within = round % 2 == 0 ? 1 : 1.5;
    const auto some = smallest_fleets(ranges, within, std::ref(oracle));
    const auto all = smallest_fleets(ranges, kAll, std::ref(oracle));
    double found = kAll;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const bool possible = oracle.need[i] <= 30;
      EXPECT_EQ(all[i].smallest, possible ? std::optional(oracle.need[i]) : std::nullopt);
      EXPECT_LT(some[i].refused, oracle.need[i]);
      if (some[i].smallest) {
        EXPECT_EQ(some[i].smallest, oracle.need[i]);
        found = std::min(found, ranges[i].price * static_cast<double>(oracle.need[i]));
      }
      if (!some[i].given_up) continue;
      EXPECT_GT(ranges[i].price * static_cast<double>(some[i].refused + 1), within * cheapest);
    }
    EXPECT_EQ(found, cheapest);
  }
}

TEST(SmallestFleets, HasNothingToTryInAnEmptyRange) {
  Oracle oracle{{1}};
  const auto found = smallest_fleets({{5, 4, 1}}, kAll, std::ref(oracle));
  EXPECT_EQ(found[0].smallest, std::nullopt);
  EXPECT_EQ(oracle.trials, 0U);
}

TEST(HighestLoad, IsWithinItsToleranceBelowTheTruth) {
  Rng rng(2, "highest load");
  for (int round = 0; round < repetitions(200); ++round) {
    const double truth = std::exp(rng.uniform() * std::log(kMostLoad));
    int trials = 0;
    const double found = highest_load([&](double factor) {
      ++trials;
      return factor <= truth;
    });
    EXPECT_LE(found, truth);
    EXPECT_GE(found * (1 + kLoadTolerance), truth);
    EXPECT_LE(trials, 13);
  }
  EXPECT_EQ(highest_load([](double) { return true; }), kMostLoad);
}

}  // namespace
}  // namespace kvsim
