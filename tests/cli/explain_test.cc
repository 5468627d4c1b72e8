// kvsim explain, end to end: what-ifs are real runs, a finished run is checked, mistakes are told.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

TEST(ExplainVerb, NeedsNothing) {
  const Outcome outcome = run_program("explain");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"\nevicted, then wanted ", "\ncostliest pieces of prompts ",
                           "\nwhat if? (each was run)\n", "\n+20 % blocks ", "\nverdict: "})
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << outcome.out;
}

TEST(ExplainVerb, AttributesEveryMissedToken) {
  const Outcome outcome = run_program("explain --json --no-what-if");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json document = parse_json(outcome.out, "x");
  std::int64_t missed = 0;
  for (const auto& reason : document["why"]["miss"]) missed += reason["tokens"].get<std::int64_t>();
  const Json& cache = document["summary"]["prefix_cache"];
  EXPECT_GT(missed, 0);
  EXPECT_EQ(missed,
            cache["query_tokens"].get<std::int64_t>() - cache["hit_tokens"].get<std::int64_t>());
  EXPECT_TRUE(document["what_if"].is_null());
}

TEST(ExplainVerb, RunsItsWhatIfs) {
  const Outcome outcome = run_program("explain --json --set /cache/block_size=32");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json variants = parse_json(outcome.out, "x")["what_if"]["variants"];
  ASSERT_GE(variants.size(), 5U);
  for (const Json& variant : variants) {
    std::string arguments = "run demo --json --set /cache/block_size=32";
    for (const auto& [pointer, value] : variant["settings"].items())
      arguments +=
          " --set " + pointer + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
    const Outcome alone = run_program(arguments);
    ASSERT_EQ(alone.code, 0) << alone.err;
    EXPECT_EQ(parse_json(alone.out, "x"), variant["summary"]) << variant["label"];
  }
}

TEST(ExplainVerb, RepeatsAFinishedRun) {
  const ScratchFolder folder;
  const std::string run = folder / "run";
  ASSERT_EQ(run_program("run demo --set /cache/allocator=radix --out " + run).code, 0);
  const Outcome outcome = run_program("explain --no-what-if " + run);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, run_program("explain --no-what-if --set /cache/allocator=radix").out);
  // A summary that this program would not write.
  Json summary = parse_json(text_of(run + "/summary.json"), "x");
  summary["provenance"]["fingerprint"] = "0123456789abcdef";
  std::ofstream(run + "/summary.json") << summary.dump(2);
  const Outcome other = run_program("explain --no-what-if " + run);
  EXPECT_EQ(other.code, 2);
  EXPECT_EQ(other.out, "");
  EXPECT_NE(other.err.find("decides differently; make the run again"), std::string::npos)
      << other.err;
}

TEST(ExplainVerb, DrawsAStepAndARequest) {
  const Outcome step = run_program("explain --step 3000");
  EXPECT_EQ(step.code, 0) << step.err;
  for (const char* text : {"step 3000 of replica 0", "\nin the batch ", "\nblock tables ",
                           "\nfree queue", "\nprefix tree\n"})
    EXPECT_NE(step.out.find(text), std::string::npos) << text << step.out;
  const Outcome ranges = run_program("explain --step 100 --set /cache/allocator=contiguous");
  EXPECT_NE(ranges.out.find("\nfrom slot 0 "), std::string::npos) << ranges.out;
  const Outcome request = run_program("explain --request 7");
  EXPECT_EQ(request.code, 0) << request.err;
  for (const char* text :
       {"request 7\n", " arrived: ", " admitted: ", " first token\n", " finished: ", "\nqueue "})
    EXPECT_NE(request.out.find(text), std::string::npos) << text << request.out;
}

TEST(ExplainVerb, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "empty");
  expect_refused(
      "explain " + (folder / "empty"),
      (folder / "empty") + ": summary.json: not there; expected a folder of kvsim run --out\n");
  expect_refused("explain --step -1", "kvsim explain: --step: expected 0 or more\n");
  expect_refused("explain --request 600",
                 "kvsim explain: --request: the run had 600 requests, numbered from 0 in order of "
                 "arrival\n");
  expect_refused("explain --step 1 --request 1",
                 "kvsim explain: options: only one of --step, --request and --metric\n");
  expect_refused("explain a b", "kvsim explain: b: one run at a time\n");
  const Outcome step = run_program("explain --step 99999999");
  EXPECT_EQ(step.code, 2);
  EXPECT_NE(step.err.find("the run had "), std::string::npos) << step.err;
  const Outcome metric = run_program("explain --metric ttft_p9_ms");
  EXPECT_EQ(metric.code, 2);
  EXPECT_EQ(std::count(metric.err.begin(), metric.err.end(), '\n'), 1) << metric.err;
}

}  // namespace
}  // namespace kvsim
