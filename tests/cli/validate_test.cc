// kvsim validate, end to end: what it calls an error is one, and nothing else is.
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kConfig = " demo --set /cache/enable_prefix_caching=false --json";

// Twenty lonely requests, simulated; their file says that a server took `factor` times as long.
std::string measured_file(const ScratchFolder& folder, double factor) {
  std::string trace = "arrival_s,prompt_tokens,output_tokens,ttft_ms,e2e_ms\n";
  for (int i = 0; i < 20; ++i)
    trace += std::to_string(i) + "," + std::to_string(500 + 50 * i) + ",20,1,2\n";
  const std::string file = folder.with("first.csv", trace);
  const std::string out = folder / "run";
  const Outcome run = run_program(
      "run demo --set /workload/rate_scale=1 --set /cache/enable_prefix_caching=false --set "
      "/workload/source=trace --set /workload/trace=" +
      file + " --out " + out);
  EXPECT_EQ(run.code, 0) << run.err;
  std::istringstream rows(text_of(out + "/requests.csv"));
  std::string line;
  std::getline(rows, line);
  std::string measured = "ttft_ms,e2e_ms,arrival_s,output_tokens,prompt_tokens\n";
  while (std::getline(rows, line)) {
    std::vector<std::string> cells;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
    // id,session,turn,priority,arrival_s,prompt_tokens,output_tokens,hit_tokens,status,reason,
    // queue_ms,ttft_ms,tpot_ms,e2e_ms,...
    measured += std::to_string(factor * std::stod(cells[11])) + "," +
                std::to_string(factor * std::stod(cells[13])) + "," + cells[4] + "," + cells[6] +
                "," + cells[5] + "\n";
  }
  return folder.with("measured.csv", measured);
}

TEST(ValidateVerb, FindsNoErrorInItsOwnRun) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("validate " + measured_file(folder, 1) + kConfig);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json document = parse_json(outcome.out, "x");
  EXPECT_EQ(document["lost"], 0);
  for (const char* metric : {"TTFT", "TPOT", "E2E"}) {
    const Json& error = document["metrics"][metric];
    EXPECT_EQ(error["requests"], 20) << metric;
    EXPECT_NEAR(error["mean_error"].get<double>(), 0, 1e-5) << metric;
    EXPECT_NEAR(error["request_error"]["p90"].get<double>(), 0, 1e-4) << metric;
  }
}

TEST(ValidateVerb, TellsHowFarOffItIs) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("validate " + measured_file(folder, 1.25) + kConfig);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json metrics = parse_json(outcome.out, "x")["metrics"];
  for (const char* metric : {"TTFT", "TPOT", "E2E"}) {
    EXPECT_NEAR(metrics[metric]["mean_error"].get<double>(), -0.2, 1e-4) << metric;
    EXPECT_NEAR(metrics[metric]["request_error"]["median"].get<double>(), 0.2, 1e-3) << metric;
  }
}

TEST(ValidateVerb, LeavesOutWhatFailed) {
  const ScratchFolder folder;
  const std::string file = folder.with("m.csv",
                                       "arrival_ms,input_tokens,completion_tokens,ttft_ms,e2e_ms,"
                                       "status\n0,100,1,10,10,ok\n5,100,1,,,timeout\n"
                                       "9,100000000,1,10,10,ok\n");
  const Outcome outcome = run_program("validate " + file + " demo --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json document = parse_json(outcome.out, "x");
  EXPECT_EQ(document["lost"], 1) << "too long for this server";
  EXPECT_EQ(document["metrics"]["TTFT"]["requests"], 1);
  EXPECT_EQ(document["metrics"]["TPOT"]["requests"], 0) << "there is no second token";
}

TEST(ValidateVerb, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  expect_refused("validate", "kvsim validate: MEASURED.csv: name the measured requests\n");
  expect_refused("validate - demo", "kvsim validate: -: name a file: it is read twice\n");
  const std::string other = folder.with("o.csv", "arrival_s,prompt_tokens\n0,1\n");
  expect_refused(
      "validate " + other,
      other +
          ":1:1: expected the columns arrival_s, prompt_tokens, output_tokens, ttft_ms and "
          "e2e_ms\n");
  const std::string bad =
      folder.with("b.csv", "arrival_s,prompt_tokens,output_tokens,ttft_ms,e2e_ms\n0,1,1,x,2\n");
  const Outcome outcome = run_program("validate " + bad);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(outcome.err.starts_with(bad + ":2:7: ttft_ms: ")) << outcome.err;
}

}  // namespace
}  // namespace kvsim
