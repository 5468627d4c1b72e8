// The same bytes from every engine, also after kills; nothing lost, nothing run twice.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/cli/sweep/small_sweep.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

class SweepEngines : public testing::Test {
 protected:
  static constexpr int kPoints = repetitions(2000, 200);

  [[nodiscard]] std::string planned(const std::string& name, int points = kPoints) const {
    const Outcome outcome = run_program("sweep plan " + small.of(points / 20, folder / name));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return folder / name;
  }
  /// Both merged files.
  [[nodiscard]] std::string merged(const std::string& dir) const {
    const Outcome outcome =
        run_program("sweep merge " + dir + " --csv " + dir + ".csv --jsonl " + dir + ".jsonl");
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    return text_of(dir + ".csv") + text_of(dir + ".jsonl");
  }
  /// Merged by one process on one thread.
  [[nodiscard]] std::string alone(int points = kPoints) const {
    const std::string dir = planned("alone", points);
    const Outcome outcome = run_program("sweep run --jobs 1 " + dir);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return merged(dir);
  }
  /// How often each point is in the log of --verbose.
  [[nodiscard]] static std::map<int, int> runs_in(const std::string& log) {
    std::map<int, int> runs;
    std::istringstream lines(log);
    const std::string start = "kvsim sweep run: point ";
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(start) && line.ends_with(": run"))
        ++runs[std::stoi(line.substr(start.size()))];
    return runs;
  }
  static void expect_none_twice(const std::string& log) {
    for (const auto& [point, times] : runs_in(log)) EXPECT_EQ(times, 1) << "point " << point;
  }
  /// `command` runs every point of the sweep once, and what comes of it is `expected`.
  void expect_same(const std::string& expected, const std::string& dir,
                   const std::string& command) const {
    SCOPED_TRACE(command);
    const Outcome outcome = run_shell(command);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const auto rows = std::count(expected.begin(), expected.end(), '\n') / 2;
    EXPECT_EQ(runs_in(outcome.err).size(), static_cast<std::size_t>(rows));
    expect_none_twice(outcome.err);
    EXPECT_TRUE(merged(dir) == expected);
  }
  /// What `emit parallel` prints, for a program that also keeps a log.
  [[nodiscard]] std::string parallel_script(const std::string& dir) const {
    const std::string verbose =
        folder.with("verbose", "#!/bin/sh\nexec " KVSIM_PROGRAM " \"$@\" --verbose\n");
    EXPECT_EQ(std::system(("chmod +x " + verbose).c_str()), 0);
    std::string script = folder / "job.sh";
    const Outcome outcome = run_program("sweep emit parallel --shards 8 --at-once 2 --program " +
                                        verbose + " " + dir + " >" + script);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return script;
  }
  const std::string worker = std::string(KVSIM_PROGRAM) + " sweep run --verbose --jobs ";
  const ScratchFolder folder;
  const SmallSweep small{folder};
};

TEST_F(SweepEngines, GiveTheSameBytes) {
  const std::string expected = alone();
  EXPECT_EQ(std::count(expected.begin(), expected.end(), '\n'), 2 * kPoints + 1);
  const std::string threads = planned("threads");
  expect_same(expected, threads, worker + "2 " + threads);
  if (std::system("command -v parallel >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "needs GNU parallel (Debian: parallel) for the other one";
  const std::string parallel = planned("parallel");
  expect_same(expected, parallel, "sh " + parallel_script(parallel));
}

// Workers as Kubernetes and Open MPI start them, and xargs where there is no GNU parallel.
TEST_F(SweepEngines, AreRecognisedByTheirVariables) {
  constexpr int kFew = repetitions(200, 60);
  const std::string expected = alone(kFew);
  const std::string kubernetes = planned("kubernetes", kFew);
  expect_same(expected, kubernetes,
              "export KVSIM_SHARDS=8; for i in 0 1 2 3 4 5 6 7; do JOB_COMPLETION_INDEX=$i " +
                  worker + "1 " + kubernetes + "; done");
  const std::string mpi = planned("mpi", kFew);
  expect_same(expected, mpi,
              "export OMPI_COMM_WORLD_SIZE=3; for i in 0 1 2; do OMPI_COMM_WORLD_RANK=$i " +
                  worker + "1 " + mpi + " & done; wait");
  const std::string xargs = planned("xargs", kFew);
  expect_same(expected, xargs, "command() { false; }; . " + parallel_script(xargs));
}

// Killed again and again, wherever it is; what is done stays done, and is not done again.
TEST_F(SweepEngines, LoseNothingWhenKilled) {
  const std::string expected = alone();
  const std::string dir = planned("killed");
  std::string log;
  for (const int share : {0, 1, 2, 3}) {
    const Outcome killed =
        run_shell(fmt::format("{}2 {} & while [ \"$(ls {}/results | wc -l)\" -le {} ]; do sleep "
                              "0.02; done; kill -9 $!; wait $!",
                              worker, dir, dir, share * kPoints / 5));
    ASSERT_EQ(killed.code, 128 + 9) << killed.err;
    log += killed.err;
  }
  // A point may be written and its line not: on two threads, four times.
  EXPECT_GE(runs_in(log).size() + 8, static_cast<std::size_t>(3 * kPoints / 5));
  const Outcome last = run_shell(worker + "2 " + dir);
  EXPECT_EQ(last.code, 0) << last.err;
  expect_none_twice(log + last.err);
  EXPECT_TRUE(merged(dir) == expected);
}

// Two on one shard at once may both run a point; there is still one result, and the right one.
TEST_F(SweepEngines, MayShareAShard) {
  constexpr int kFew = repetitions(400, 100);
  const std::string expected = alone(kFew);
  const std::string dir = planned("shared", kFew);
  const std::string one = worker + "1 " + dir;
  const Outcome both = run_shell(one + " & first=$!; " + one + " && wait $first");
  EXPECT_EQ(both.code, 0) << both.err;
  EXPECT_EQ(runs_in(both.err).size(), static_cast<std::size_t>(kFew));
  EXPECT_TRUE(merged(dir) == expected);
}

}  // namespace
}  // namespace kvsim
