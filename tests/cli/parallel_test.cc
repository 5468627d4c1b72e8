// Threads change how long it takes and nothing else.
#include "sim/cli/parallel.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

// Later ones are quicker, so that they end in another order than they start.
std::vector<Simulation> hundred() {
  std::vector<Simulation> simulations;
  for (int i = 0; i < 100; ++i)
    simulations.emplace_back([i](const Progress& progress) {
      std::this_thread::sleep_for(std::chrono::microseconds(10 * (100 - i)));
      progress(0.5);
      Report report;
      report.events = i;
      return report;
    });
  return simulations;
}

TEST(RunAll, KeepsTheOrderOnAnyNumberOfThreads) {
  for (const std::size_t threads : {1, 2, 7, 1000}) {
    const std::vector<Report> reports = run_all(hundred(), threads);
    ASSERT_EQ(reports.size(), 100U);
    for (std::size_t i = 0; i < reports.size(); ++i)
      EXPECT_EQ(reports[i].events, static_cast<std::int64_t>(i));
  }
  EXPECT_TRUE(run_all({}, 4).empty());
}

TEST(RunAll, ThrowsTheFirstErrorInOrder) {
  std::vector<Simulation> simulations = hundred();
  for (const std::size_t broken : {40, 41, 60})
    simulations[broken] = [broken](const Progress&) -> Report {
      // 41 fails before 40 does.
      std::this_thread::sleep_for(std::chrono::milliseconds(broken == 40 ? 20 : 0));
      throw InputError("x", std::to_string(broken), "broken");
    };
  for (const std::size_t threads : {1, 2, 8}) {
    try {
      (void)run_all(simulations, threads);
      FAIL();
    } catch (const InputError& error) {
      EXPECT_STREQ(error.what(), "x: 40: broken");
    }
  }
}

TEST(RunAll, TellsProgressThatOnlyGrows) {
  double last = 0;
  (void)run_all(hundred(), 4, [&last](double share) {
    EXPECT_GE(share, last);
    last = share;
  });
  EXPECT_DOUBLE_EQ(last, 1);
}

}  // namespace
}  // namespace kvsim
