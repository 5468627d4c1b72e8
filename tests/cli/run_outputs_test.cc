// kvsim run in other people's formats.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

const std::string kSmall = "run --set /workload/limit=50";

TEST(RunOutputs, PrintsTheResultThatItSaves) {
  for (const auto& [format, file] :
       {std::pair{"vllm", "vllm_result.json"}, {"aiperf", "profile_export_aiperf.json"}}) {
    const ScratchFolder folder;
    const Outcome outcome =
        run_program(kSmall + " --result-format " + format + " --out " + (folder / "run"));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(outcome.out, text_of((folder / "run/").append(file)));
    EXPECT_TRUE(parse_json(outcome.out, format).contains("kvsim"));
  }
}

TEST(RunOutputs, GoodputIsTheConfigsObjectives) {
  const Outcome flag = run_program(kSmall + " --json --goodput ttft:20 tpot:5.5 e2el:300");
  const Outcome field = run_program(
      kSmall + " --json --set /slo/ttft_ms=20 --set /slo/tpot_ms=5.5 --set /slo/e2e_ms=300");
  EXPECT_EQ(flag.code, 0) << flag.err;
  EXPECT_EQ(flag.out, field.out);
  EXPECT_EQ(parse_json(flag.out, "x")["slo"]["tpot"]["limit_ms"], 5.5);
}

TEST(RunOutputs, AnyOfThemChangesNoRun) {
  const ScratchFolder folder;
  const Outcome plain = run_program(kSmall + " --json");
  const Outcome watched =
      run_program(kSmall + " --json --openmetrics " + (folder / "a.om") + " --trace-out " +
                  (folder / "a.json") + " --requests-jsonl " + (folder / "a.jsonl"));
  EXPECT_EQ(watched.out, plain.out);
  EXPECT_EQ(watched.err, "");
  EXPECT_EQ(folder.entries(), 3U);
  EXPECT_EQ(std::string(text_of(folder / "a.om")).substr(0, 7), "# HELP ");
  EXPECT_FALSE(parse_json(text_of(folder / "a.json"), "x")["traceEvents"].empty());
}

TEST(RunOutputs, TellsMistakesInOneLineAndWritesNothing) {
  const ScratchFolder folder;
  const auto expect = [&](const std::string& arguments, const std::string& err) {
    const Outcome outcome = run_program(kSmall + " " + arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, err);
    EXPECT_EQ(folder.entries(), 0U) << arguments;
  };
  const std::string file = folder / "x";
  expect("--result-format vlm",
         "kvsim run: --result-format: no format named 'vlm'; known: vllm, aiperf (did you mean "
         "'vllm'?)\n");
  expect("--json --result-format vllm",
         "kvsim run: --json: --result-format is printed already: choose one\n");
  expect("--goodput e2e:5",
         "--goodput: e2e:5: no objective named 'e2e'; known: ttft, tpot, e2el (did you mean "
         "'e2el'?)\n");
  expect("--goodput ttft:5s",
         "--goodput: ttft:5s: expected NAME:MILLISECONDS, such as ttft:5000 (put CONFIG before "
         "--goodput)\n");
  expect("--goodput ttft",
         "--goodput: ttft: expected NAME:MILLISECONDS, such as ttft:5000 (put "
         "CONFIG before --goodput)\n");
  expect("--goodput ttft:-1", "--goodput: /slo/ttft_ms: expected 0 to 1000000000, got -1\n");
  expect("--trace-window 1:2", "kvsim run: --trace-window: needs --trace-out FILE to write to\n");
  for (const char* window : {"2:1", "1", "a:2", ":", "-1:2", "1:2:3"})
    expect(std::string("--trace-window=") + window + " --trace-out " + file,
           "kvsim run: --trace-window: expected START:END in simulated seconds, such as 10:12.5, "
           "got " +
               std::string(window) + "\n");
  expect("--openmetrics " + file + " --trace-out " + file,
         "kvsim run: --trace-out: a file of its own, please: this one is taken\n");
  expect("--openmetrics " + (folder / "no/such"),
         (folder / "no/such") + ": cannot create: No such file or directory\n");
  expect("--set /mode=alone --openmetrics " + file,
         "kvsim run: --openmetrics: nothing to write: in /mode 'alone' there is no course of "
         "time\n");
}

}  // namespace
}  // namespace kvsim
