// The model of which beams live: what holds whatever the scores.
#include "sim/model/beam_search.h"

#include <set>

#include <gtest/gtest.h>

namespace kvsim {
namespace {

TEST(BeamSearch, StartsFromThePromptAlone) {
  BeamSearch search(4, 2, 0, 0);
  search.step();
  for (const std::uint32_t parent : search.parents()) EXPECT_EQ(parent, 0U);
}

// Whoever has children keeps its place for the best of them, so that its blocks stay where they
// are.
TEST(BeamSearch, SurvivorsKeepTheirPlace) {
  BeamSearch search(6, 2, 0, 0);
  for (int i = 0; i < 1000; ++i) {
    search.step();
    for (const std::uint32_t parent : search.parents()) EXPECT_EQ(search.parents()[parent], parent);
  }
}

TEST(BeamSearch, IsTheSameSearchForTheSameSeedAndFamilyOnly) {
  BeamSearch a(4, 2, 7, 1);
  BeamSearch b(4, 2, 7, 1);
  BeamSearch other(4, 2, 7, 2);
  int alike = 0;
  for (int i = 0; i < 200; ++i) {
    a.step();
    b.step();
    other.step();
    EXPECT_TRUE(std::equal(a.parents().begin(), a.parents().end(), b.parents().begin()));
    alike += std::equal(a.parents().begin(), a.parents().end(), other.parents().begin());
  }
  EXPECT_LT(alike, 200);
}

// The more peaked the law, the longer beams live side by side.
TEST(BeamSearch, ForksLessTheMorePeakedTheLaw) {
  std::int64_t last = 1 << 30;
  for (const double peak : {0.5, 2.0, 8.0, 32.0}) {
    BeamSearch search(4, peak, 0, 0);
    std::int64_t died = 0;
    for (int i = 0; i < 5000; ++i) {
      search.step();
      for (std::uint32_t b = 0; b < 4; ++b) died += search.parents()[b] != b;
    }
    EXPECT_LT(died, last);
    last = died;
  }
  EXPECT_GT(last, 0);
}

TEST(BeamSearch, NoTwoBranchesSayTheSame) {
  BeamSearch search(3, 2, 0, 5);
  std::set<ContentId> branches;
  for (std::uint32_t i = 0; i < 3; ++i) branches.insert(sibling_content(5, i));
  for (int step = 0; step < 10; ++step) {
    search.step();
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(branches.insert(search.branch(i)).second);
  }
}

}  // namespace
}  // namespace kvsim
