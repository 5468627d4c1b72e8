// kvsim check, end to end: green twice alike, red with a cause, and one line for every mistake.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

void expect_error(const std::string& arguments, const std::string& err) {
  expect_refused("check " + arguments, err);
}

TEST(CheckVerb, HoldsAConfigToItsThresholds) {
  const ScratchFolder folder;
  const std::string config = folder.with("a.json", R"({"workload": {"rate_scale": 4},
      "max_model_len": 9216, "cache": {"num_gpu_blocks_override": 2048},
      "thresholds": {"vllm:kv_cache_usage_perc": ["p(99)<0.95"], "requests.rejected": ["count==0"]}})");
  const Outcome green = run_program("check " + config);
  EXPECT_EQ(green.code, 0) << green.err;
  EXPECT_EQ(green.out, config + ": 2 checks, none crossed\n");
  EXPECT_EQ(green.err, "");
  const Outcome red =
      run_program("check " + config + R"( --set '/thresholds/ttft_ms=["p(95)<1", "max<1e9"]')");
  EXPECT_EQ(red.code, 99);
  EXPECT_TRUE(red.out.starts_with(config + ": 1 of 4 checks crossed\n")) << red.out;
  EXPECT_NE(red.out.find("\nttft_ms p(95) "), std::string::npos) << red.out;
  EXPECT_NE(red.out.find("\nwhy: queueing is "), std::string::npos) << red.out;
  EXPECT_NE(red.out.find("; kvsim explain " + config + " says more\n"), std::string::npos);
}

// The run, its folder and its summary are judged alike.
TEST(CheckVerb, JudgesARunAndItsFilesAlike) {
  const ScratchFolder folder;
  const std::string run = folder / "run";
  const std::string set = R"( --set '/thresholds/ttft_ms=["p(95)<1"]')";
  ASSERT_EQ(run_program("run demo --out " + run + set).code, 0);
  const auto rows = [](const Outcome& outcome) {
    EXPECT_EQ(outcome.code, 99) << outcome.err;
    return outcome.out.substr(outcome.out.find('\n'),
                              outcome.out.find("; kvsim explain") - outcome.out.find('\n'));
  };
  const std::string simulated = rows(run_program("check demo" + set));
  EXPECT_EQ(rows(run_program("check " + run)), simulated) << "thresholds are in its config.json";
  EXPECT_EQ(rows(run_program("check " + run + "/summary.json" + set)), simulated);
}

TEST(CheckVerb, IsGreenTwiceWithTheSameBytes) {
  const ScratchFolder folder;
  const std::string baseline = folder / "baseline.json";
  const Outcome update = run_program("check demo --update-baseline --baseline " + baseline);
  ASSERT_EQ(update.code, 0) << update.err;
  EXPECT_TRUE(update.out.starts_with(baseline + ": a baseline of "));
  const std::string first_baseline = text_of(baseline);
  std::vector<std::string> seen;
  for (const char* round : {"1", "2"}) {
    const std::string out = folder / round;
    const Outcome green = run_program("check demo --baseline " + baseline + " --junit " + out +
                                      ".xml --markdown=" + out + ".md --bench-json " + out +
                                      ".json --bench-json-bigger " + out + ".big");
    EXPECT_EQ(green.code, 0) << green.out << green.err;
    std::string bytes = green.out;
    for (const char* file : {".xml", ".md", ".json", ".big"}) {
      EXPECT_FALSE(text_of(out + file).empty()) << file;
      bytes += text_of(out + file);
    }
    seen.push_back(bytes);
  }
  EXPECT_EQ(seen[0], seen[1]);
  ASSERT_EQ(run_program("check demo --update-baseline --baseline " + baseline).code, 0);
  EXPECT_EQ(text_of(baseline), first_baseline);
}

TEST(CheckVerb, RefusesTheBaselineOfAnotherConfigUnlessTheConfigIsWhatChanged) {
  const ScratchFolder folder;
  const std::string baseline = folder / "baseline.json";
  ASSERT_EQ(run_program("check demo --update-baseline --baseline " + baseline).code, 0);
  const std::string changed = "demo --set /cache/eviction=mru --baseline " + baseline;
  expect_error(changed,
               baseline +
                   ": /config_digest: a baseline of another config (/cache/eviction default "
                   "-> 'mru'); --update-baseline takes this run for the new one, "
                   "--any-config compares all the same\n");
  const Outcome red = run_program("check --any-config " + changed);
  EXPECT_EQ(red.code, 99);
  EXPECT_NE(red.out.find("\nprefix_cache.hit_rate "), std::string::npos) << red.out;
  EXPECT_NE(red.out.find("\nwhy: config /cache/eviction default -> 'mru'; hit rate "),
            std::string::npos)
      << red.out;
  // One block in a hundred less.
  const Outcome cut = run_program("check demo --any-config --baseline " + baseline +
                                  " --set /cache/num_gpu_blocks_override=2028");
  EXPECT_EQ(cut.code, 99) << cut.out;
  EXPECT_NE(cut.out.find("KV blocks 2,047 -> 2,027"), std::string::npos) << cut.out;
  expect_error("demo --set /seed=1 --any-config --baseline " +
                   folder.with("b.json",
                               [&] {
                                 auto document = parse_json(text_of(baseline), baseline);
                                 document["trace_digest"] = "0";
                                 return document.dump();
                               }()),
               (folder / "b.json") +
                   ": /trace_digest: a baseline of another workload (digest 0, "
                   "here " +
                   parse_json(text_of(baseline), baseline)["trace_digest"].get<std::string>() +
                   "); --update-baseline takes this run for "
                   "the new one\n");
}

TEST(CheckVerb, KeepsTheTolerancesOfAnUpdatedBaseline) {
  const ScratchFolder folder;
  const std::string path = folder / "baseline.json";
  ASSERT_EQ(run_program("check demo --update-baseline --baseline " + path).code, 0);
  auto document = parse_json(text_of(path), path);
  document["tolerances"]["*"] = "50%";
  (void)folder.with("baseline.json", document.dump());
  const std::string mru = "demo --any-config --set /cache/eviction=mru --baseline " + path;
  EXPECT_EQ(run_program("check " + mru).code, 0);
  ASSERT_EQ(run_program("check --update-baseline " + mru).code, 0);
  document = parse_json(text_of(path), path);
  EXPECT_EQ(document["tolerances"]["*"], "50%");
  EXPECT_EQ(document["config"]["/cache/eviction"], "mru");
  document["schema_version"] = 0;
  (void)folder.with("baseline.json", document.dump());
  expect_error(mru, path +
                        ": /schema_version: expected 1, got 0; --update-baseline writes a new "
                        "one\n");
  EXPECT_EQ(run_program("check --update-baseline " + mru).code, 0);
}

TEST(CheckVerb, AppendsToTheStepSummaryOfGithub) {
  const ScratchFolder folder;
  const std::string summary = folder.with("summary.md", "# before\n");
  const std::string arguments =
      R"(check demo --set '/thresholds/preemptions=["count>=0"]' --markdown)";
  ASSERT_EQ(setenv("GITHUB_STEP_SUMMARY", summary.c_str(), 1), 0);
  EXPECT_EQ(run_program(arguments).code, 0);
  EXPECT_EQ(text_of(summary), "# before\n### kvsim check: demo: 1 check, none crossed\n\n\n");
  (void)folder.with("summary.md", std::string((1U << 20) - 900, 'x'));
  const Outcome full = run_program(arguments);
  EXPECT_EQ(full.code, 2);
  EXPECT_EQ(full.err, summary + ": --markdown: no room left below the 1 MiB that GitHub shows\n");
  ASSERT_EQ(unsetenv("GITHUB_STEP_SUMMARY"), 0);
  const Outcome nowhere = run_program(arguments);
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_EQ(nowhere.err,
            "kvsim check: --markdown: no FILE given, and GITHUB_STEP_SUMMARY is "
            "not set\n");
}

TEST(CheckVerb, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  expect_error("", "kvsim check: RUN: missing; see kvsim check --help\n");
  expect_error("demo demo", "kvsim check: demo: one run at a time\n");
  expect_error("demo",
               "demo: /thresholds: nothing to check: the config has none, and there is no "
               "--baseline FILE\n");
  expect_error(
      R"(demo --set '/thresholds/ttft_mss=["avg<1"]')",
      "--set: /thresholds/ttft_mss: no metric named 'ttft_mss' (did you mean 'ttft_ms'?)\n");
  expect_error("demo --update-baseline",
               "kvsim check: --update-baseline: needs --baseline FILE to write to\n");
  expect_error("demo --any-config", "kvsim check: --any-config: is about a --baseline FILE\n");
  expect_error("demo --baseline /nowhere/b.json",
               "/nowhere/b.json: cannot read: No such file or directory\n");
  expect_error("demo --baseline " + folder.with("b.json", "{}"),
               (folder / "b.json") +
                   ": /schema_version: expected 1, got null; --update-baseline writes a new one\n");
  expect_error(R"(demo --set '/thresholds/ttft_ms=["avg<1"]' --junit /nowhere/j.xml)",
               "/nowhere/j.xml: cannot create: No such file or directory\n");
}

TEST(CheckVerb, RefusesARunFolderThatIsHalfThere) {
  const ScratchFolder folder;
  const std::string run = folder / "run";
  std::filesystem::create_directories(folder / "empty");
  expect_error(folder / "empty", (folder / "empty") +
                                     ": summary.json: not there; expected a folder of kvsim run "
                                     "--out\n");
  ASSERT_EQ(run_program("run demo --out " + run).code, 0);
  const std::string config = text_of(run + "/config.json");
  const std::string summary = text_of(run + "/summary.json");
  std::filesystem::remove(run + "/config.json");
  expect_error(run, run + "/config.json: cannot read: No such file or directory\n");
  (void)folder.with("run/config.json", "{}");
  const Outcome other = run_program("check " + run);
  EXPECT_EQ(other.code, 2);
  EXPECT_TRUE(other.err.starts_with(run + "/config.json: /: not the config of the summary.json "
                                          "beside it (digests "))
      << other.err;
  (void)folder.with("run/config.json", config);
  (void)folder.with("run/summary.json", summary.substr(0, summary.size() / 2));
  const Outcome cut = run_program("check " + run);
  EXPECT_EQ(cut.code, 2);
  EXPECT_TRUE(cut.err.starts_with(run + "/summary.json:")) << cut.err;
  (void)folder.with("run/summary.json", summary);
  expect_error(run + " --set /cache/eviction=mru",
               "kvsim check: --set /cache/eviction=mru: a finished run cannot be changed; only its "
               "/thresholds can be set\n");
}

// One output that cannot be written: none of the others appears, and no baseline is touched.
TEST(CheckVerb, LeavesNothingHalfWritten) {
  const ScratchFolder folder;
  const Outcome outcome = run_program(
      "check demo --update-baseline --baseline " + (folder / "b.json") + " --junit " +
      (folder / "j.xml") + " --markdown=" + (folder / "m.md") + " --bench-json /nowhere/x.json");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "/nowhere/x.json: cannot create: No such file or directory\n");
  EXPECT_EQ(folder.entries(), 0U);
}

}  // namespace
}  // namespace kvsim
