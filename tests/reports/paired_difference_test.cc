// Student's t interval of paired differences.
#include "reports/paired_difference.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

namespace kvsim {
namespace {

// Student's own example (Biometrika 1908): extra hours of sleep of ten patients under two drugs.
// R's t.test(extra ~ group, data = sleep, paired = TRUE) prints -2.4598858 to -0.7001142.
TEST(PairedDifference, IsStudentsOwnExample) {
  const std::array first{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  const std::array second{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  const Interval d = paired_difference(first, second);
  EXPECT_NEAR(d.mean, -1.58, 1e-12);
  EXPECT_NEAR(d.mean - d.half, -2.4598858, 1e-7);
  EXPECT_NEAR(d.mean + d.half, -0.7001142, 1e-7);
  EXPECT_FALSE(d.includes_zero());
}

// Tables of t give 12.706 for one degree of freedom: half = 12.706 * |a - b| / 2.
TEST(PairedDifference, OfTwoRunsIsNearlyWorthless) {
  const std::array values{1.0, 3.0};
  const Interval i = confidence_interval(values);
  EXPECT_DOUBLE_EQ(i.mean, 2);
  EXPECT_NEAR(i.half, 12.706, 5e-4);
  EXPECT_TRUE(i.includes_zero());
}

TEST(PairedDifference, OfOneRunIsTheDifferenceItself) {
  const std::array a{3.0};
  const std::array b{1.0};
  EXPECT_EQ(paired_difference(a, b).mean, 2);
  EXPECT_EQ(paired_difference(a, b).half, 0);
  EXPECT_FALSE(paired_difference(a, b).includes_zero());
  EXPECT_TRUE(paired_difference(a, a).includes_zero());
}

// What all runs share is no noise: pairing takes it out.
TEST(PairedDifference, DoesNotSeeWhatBothSidesShare) {
  const std::array a{100.0, 200.0, 300.0};
  const std::array b{101.0, 201.0, 301.0};
  EXPECT_EQ(paired_difference(a, b).half, 0);
  EXPECT_FALSE(paired_difference(a, b).includes_zero());
}

}  // namespace
}  // namespace kvsim
