// kvsim run, end to end.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(RunVerb, NeedsNoConfig) {
  const Outcome outcome = run_program("run");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(outcome.out.starts_with("kvsim " KVSIM_VERSION ": ")) << outcome.out;
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST(RunVerb, PrintsTheSummaryItWouldWrite) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("run --json --out " + (folder / "run"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, text_of(folder / "run/summary.json"));
  const Report report = read_summary(parse_json(outcome.out, "x"), "x");
  EXPECT_EQ(report.requests.total,
            report.requests.completed + report.requests.rejected + report.requests.unfinished);
}

TEST(RunVerb, WritesARowPerEndedRequest) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("run --json --out " + (folder / "run"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Report report = read_summary(parse_json(outcome.out, "x"), "x");
  const auto rows = lines_of(text_of(folder / "run/requests.csv"));
  EXPECT_EQ(static_cast<std::int64_t>(rows.size()),
            1 + report.requests.completed + report.requests.rejected);
  EXPECT_GT(report.requests.completed, 0);
}

TEST(RunVerb, EndsItsTimelineWithTheSummarysCounts) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("run --json --out " + (folder / "run"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Report report = read_summary(parse_json(outcome.out, "x"), "x");
  const auto rows = lines_of(text_of(folder / "run/timeline.csv"));
  std::vector<std::string> cells;
  std::istringstream last(rows.back());
  for (std::string cell; std::getline(last, cell, ',');) cells.push_back(cell);
  ASSERT_EQ(cells.size(), 13U);
  EXPECT_EQ(cells[1], "0");
  EXPECT_EQ(cells[2], "0");
  EXPECT_EQ(cells[4], std::to_string(report.prefix_cache.query_tokens));
  EXPECT_EQ(cells[5], std::to_string(report.prefix_cache.hit_tokens));
  EXPECT_EQ(cells[6], std::to_string(report.preemptions));
}

TEST(RunVerb, LeavesAConfigThatRepeatsTheRun) {
  const ScratchFolder folder;
  const std::string set = " --set /cache/block_size=32 --set /cache/eviction=fifo";
  ASSERT_EQ(run_program("run" + set + " --out " + (folder / "a")).code, 0);
  ASSERT_EQ(run_program("run " + (folder / "a/config.json") + " --out " + (folder / "b")).code, 0);
  for (const char* name : {"summary.json", "requests.csv", "timeline.csv", "config.json"}) {
    const std::string first = text_of((folder / "a/").append(name));
    EXPECT_NE(first, "") << name;
    EXPECT_EQ(text_of((folder / "b/").append(name)), first) << name;
  }
  EXPECT_EQ(folder.entries(), 2U);
}

TEST(RunVerb, LeavesNothingBehindWhenItFails) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("run " + folder.with("bad.csv", "no,trace\n1,x\n") +
                                      " --out " + (folder / "run"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(RunVerb, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  expect_refused("run --set /cache/block_size=0",
                 "--set: /cache/block_size: expected 1 to 8192, got 0\n");
  expect_refused("run --sett x=1",
                 "kvsim run: --sett: unknown option (did you mean '--set'?); see kvsim "
                 "run --help\n");
  expect_refused("run a.json b.json", "kvsim run: b.json: one config at a time\n");
  const std::string file = folder.with("file", "");
  expect_refused("run --out " + file, file + ": cannot create the folder: Not a directory\n");
}

TEST(RunVerb, DoesNotHideAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  const Outcome outcome = run_program("run --json >/dev/full");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "stdout: cannot write: No space left on device\n");
}

}  // namespace
}  // namespace kvsim
