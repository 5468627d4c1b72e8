// Every JSON that `kvsim run` writes is what its published schema says: by ajv, which we did not
// write, and column by column for the tables.
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

std::string schema_of(const std::string& name) {
  return KVSIM_SOURCE_DIR "/reports/schema/" + name + ".schema.json";
}

std::string header_of(const std::string& name) {
  std::string header;
  const auto schema = parse_json(text_of(schema_of(name)), name);
  for (const auto& [column, rule] : schema["properties"].items())
    header += (header.empty() ? "" : ",") + column;
  return header;
}

TEST(Schemas, NameTheColumnsOfTheTables) {
  const ScratchFolder folder;
  ASSERT_EQ(run_program("run --set /workload/limit=5 --out " + (folder / "run")).code, 0);
  for (const auto& [name, file] :
       {std::pair{"request", "requests.csv"}, {"timeline", "timeline.csv"}}) {
    const std::string text = text_of((folder / "run/").append(file));
    EXPECT_EQ(text.substr(0, text.find('\n')), header_of(name));
  }
}

class Ajv : public testing::Test {
 protected:
  void SetUp() override {
    const char* const folder = std::getenv("KVSIM_AJV");
    if (folder == nullptr || std::system("command -v node >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "needs node, and KVSIM_AJV: a folder with npm's ajv (.ci/run makes one)";
    ajv_ = folder;
  }
  /// What is wrong; empty: nothing.
  [[nodiscard]] std::string wrong(const std::string& schema, const std::string& file) const {
    const std::string out = scratch / "ajv.out";
    const std::string command = std::string("node ") + KVSIM_SOURCE_DIR +
                                "/tests/reports/ajv.cjs " + ajv_ + " " + schema_of(schema) + " " +
                                file + " >" + out + " 2>&1";
    const int status = std::system(command.c_str());
    return status == 0 ? "" : "invalid: " + text_of(out);
  }
  const ScratchFolder scratch;

 private:
  std::string ajv_;
};

// A run with everything in it: rejections, priorities, objectives, guesses, steps.
TEST_F(Ajv, AgreesWithWhatARunWrites) {
  const std::string run = scratch / "run";
  const std::string settings =
      "run demo --set /max_model_len=1500 --set /workload/limit=200"
      " --set /speculative/method=ngram --set /speculative/num_speculative_tokens=2"
      " --goodput ttft:50 tpot:9 e2el:900 --steps 20 --requests-jsonl " +
      (scratch / "requests.jsonl") + " --out " + run;
  for (const auto& [format, file] :
       {std::pair{"vllm", "vllm_result"}, {"aiperf", "profile_export_aiperf"}}) {
    const Outcome outcome = run_program(settings + " --result-format " + format);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(wrong(std::string(format) + "_result", run + "/" + file + ".json"), "");
  }
  EXPECT_EQ(wrong("summary", run + "/summary.json"), "");
  EXPECT_EQ(wrong("step", run + "/steps.jsonl"), "");
  EXPECT_EQ(wrong("request", scratch / "requests.jsonl"), "");
}

TEST_F(Ajv, AgreesWithARunOfNothing) {
  const std::string run = scratch / "run";
  for (const char* format : {"vllm", "aiperf"})
    ASSERT_EQ(run_program(std::string("run --set /max_model_len=2 --result-format ") + format +
                          " --out " + run)
                  .code,
              0);
  EXPECT_EQ(wrong("summary", run + "/summary.json"), "");
  EXPECT_EQ(wrong("vllm_result", run + "/vllm_result.json"), "");
  EXPECT_EQ(wrong("aiperf_result", run + "/profile_export_aiperf.json"), "");
}

// Points that run and one that cannot; plan, results and merged rows.
TEST_F(Ajv, AgreesWithASweep) {
  const std::string sweep = scratch / "sweep";
  const std::string rows = scratch / "rows.jsonl";
  ASSERT_EQ(run_program("sweep plan demo --set /workload/limit=5 --set "
                        "/speculative/method=none,draft_model --out " +
                        sweep)
                .code,
            0);
  ASSERT_EQ(run_program("sweep run " + sweep).code, 2);
  ASSERT_EQ(run_program("sweep merge " + sweep + " --jsonl " + rows).code, 0);
  EXPECT_EQ(wrong("sweep", sweep + "/sweep.json"), "");
  EXPECT_EQ(wrong("sweep_point", sweep + "/manifest.jsonl"), "");
  EXPECT_EQ(wrong("sweep_row", rows), "");
  for (const auto& file : std::filesystem::directory_iterator(sweep + "/results"))
    EXPECT_EQ(wrong("sweep_result", file.path().string()), "");
}

// The check can fail.
TEST_F(Ajv, RefusesAnotherField) {
  const std::string file = scratch.with("line.jsonl", R"({"id": 1, "of_tomorrow": 2})");
  const std::string said = wrong("request", file);
  EXPECT_NE(said.find("must NOT have additional properties"), std::string::npos) << said;
  EXPECT_NE(said.find("must have required property 'status'"), std::string::npos) << said;
}

}  // namespace
}  // namespace kvsim
