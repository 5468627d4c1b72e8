// Goodput: who met the objectives, and which of them the others missed.
#include <gtest/gtest.h>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// Two requests, 10 ms a step, one running at a time. The first gets its tokens at 10 20 30 ms
// (TTFT 10, TPOT 10, E2E 30), the second starts at 30: 40 50 60 (TTFT 40, TPOT 10, E2E 60).
Report one_after_the_other(const std::vector<std::string>& settings) {
  tiny::World world;
  world.config.set("/scheduler/max_num_seqs=1");
  for (const std::string& setting : settings) world.config.set(setting);
  world.requests = {tiny::lonely(0, 20, 3), tiny::lonely(0, 20, 3)};
  return world.run();
}

TEST(Slo, CountsEachTermAndWhoMetAll) {
  const Report report =
      one_after_the_other({"/slo/ttft_ms=40", "/slo/tpot_ms=9.999", "/slo/e2e_ms=59"});
  ASSERT_TRUE(report.slo);
  EXPECT_EQ(report.slo->ttft->missed, 0);  // "at most" is met by equality
  EXPECT_EQ(report.slo->tpot->missed, 2);
  EXPECT_EQ(report.slo->e2e->missed, 1);
  EXPECT_EQ(report.slo->good, 0);
  EXPECT_EQ(report.throughput.goodput_per_s, 0);
}

TEST(Slo, CountsOneOfTwoAsGoodput) {
  const Report report = one_after_the_other({"/slo/ttft_ms=39"});
  EXPECT_EQ(report.slo->good, 1);
  EXPECT_FALSE(report.slo->tpot);
  EXPECT_DOUBLE_EQ(report.throughput.goodput_per_s, report.throughput.request_per_s / 2);
}

TEST(Slo, IsSilentWithoutObjectives) {
  const Report report = one_after_the_other({});
  EXPECT_FALSE(report.slo);
  EXPECT_EQ(report.throughput.goodput_per_s, report.throughput.request_per_s);
}

}  // namespace
}  // namespace kvsim
