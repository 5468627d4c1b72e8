// kvsim compare, end to end.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

TEST(CompareVerb, NeedsNothing) {
  const Outcome outcome = run_program("compare");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("kvsim compare: no row of optimal eviction: "))
      << "the demo's turns wait for answers: " << outcome.err;
  for (const char* row : {"\ncontiguous max ", "\npaged lru ", "\npaged hybrid ", "\nradix lru "})
    EXPECT_NE(outcome.out.find(row), std::string::npos) << row << outcome.out;
  EXPECT_NE(outcome.out.find("\nverdict: "), std::string::npos);
}

// The demo is worth showing only if its variants differ.
TEST(CompareVerb, ShowsADifferenceInTheDemo) {
  const Outcome outcome = run_program("compare --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto variants = parse_json(outcome.out, "x")["variants"];
  ASSERT_EQ(variants.size(), 9U);
  const auto utilization = [&](std::size_t i) {
    return variants[i]["summary"]["kv"]["utilization"]["mean"].get<double>();
  };
  EXPECT_GT(utilization(3), 0.9) << "paged";
  EXPECT_LT(utilization(0), 0.5) << "contiguous, reserving the maximum";
  EXPECT_NE(variants[3]["summary"]["provenance"]["fingerprint"],
            variants[4]["summary"]["provenance"]["fingerprint"])
      << "lru and fifo";
}

TEST(CompareVerb, SaysTheSameOnAnyNumberOfThreads) {
  const std::string arguments =
      "compare --json --set /cache/block_size=16,32 --set /cache/eviction=lru,fifo,lfu --jobs ";
  const Outcome one = run_program(arguments + "1");
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(parse_json(one.out, "x")["variants"].size(), 6U);
  EXPECT_EQ(run_program(arguments + "4").out, one.out);
}

TEST(CompareVerb, ReadsFinishedRuns) {
  const ScratchFolder folder;
  ASSERT_EQ(run_program("run --out " + (folder / "a")).code, 0);
  ASSERT_EQ(run_program("run --set /cache/block_size=64 --out " + (folder / "b")).code, 0);
  const Outcome outcome = run_program("compare --csv " + (folder / "a") + " " + (folder / "b"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find((folder / "a") + ","), std::string::npos);
  EXPECT_NE(outcome.out.find((folder / "b") + ","), std::string::npos);
}

TEST(CompareVerb, PrintsOneKindOfOutput) {
  EXPECT_TRUE(run_program("compare --markdown --set /cache/block_size=16,32")
                  .out.starts_with("| variant | util % |"));
  EXPECT_TRUE(run_program("compare --csv --set /cache/block_size=16,32")
                  .out.starts_with("variant,utilization,"));
}

TEST(CompareVerb, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  expect_refused("compare --csv --json",
                 "kvsim compare: options: only one of --json, --csv and --markdown\n");
  expect_refused("compare --jobs 0", "kvsim compare: --jobs: expected 1 or more\n");
  expect_refused("compare a.json b.json",
                 "a.json: summary.json: not there; expected a folder of kvsim run --out\n");
  expect_refused("compare --set /cache/block_size=16,0",
                 "--set: /cache/block_size: expected 1 to 8192, got 0\n");
  const std::string run = folder.with("run/summary.json", "{}");
  expect_refused("compare " + (folder / "run"), run + ": /schema_version: expected 1, got null\n");
  expect_refused("compare " + (folder / "run") + " --set /cache/block_size=1",
                 "kvsim compare: --set: finished runs cannot be changed\n");
}

}  // namespace
}  // namespace kvsim
