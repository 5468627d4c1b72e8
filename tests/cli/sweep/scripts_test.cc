// What `kvsim sweep emit` prints is what a shell, a YAML parser and the engines read.
#include "sim/cli/sweep/scripts.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/sweep/small_sweep.h"

namespace kvsim {
namespace {

SweepJob job_in(const std::string& folder) {
  SweepJob job;
  job.folder = folder;
  job.manifest = "0123456789abcdef";
  job.points = 2000;
  job.shards = 80;
  job.at_once = 20;
  job.jobs = 2;
  job.image = "registry.example/kvsim:1";
  job.claim = "sweep-data";
  return job;
}

// Whatever a folder is called, it stays one word.
constexpr const char* kAwkward = "/data/it's {} $HOME \"a\" @b";

TEST(SweepScripts, AreShell) {
  const ScratchFolder folder;
  for (const char* place : {"/data/my sweep", kAwkward})
    for (const auto& text : {slurm_script(job_in(place)), parallel_script(job_in(place))})
      EXPECT_EQ(std::system(("bash -n " + folder.with("job.sh", text)).c_str()), 0) << text;
}

TEST(SweepScripts, PleaseShellcheck) {
  if (std::system("command -v shellcheck >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "needs shellcheck (Debian: shellcheck)";
  const ScratchFolder folder;
  for (const auto& text :
       {slurm_script(job_in("/data/my sweep")), parallel_script(job_in("/data/my sweep"))})
    EXPECT_EQ(std::system(("shellcheck " + folder.with("job.sh", text)).c_str()), 0) << text;
}

// With another program the script prints the words that kvsim would get, a line each in one write.
TEST(SweepScripts, PassEveryWordAsItIs) {
  const ScratchFolder folder;
  SweepJob job = job_in(kAwkward);
  job.program = folder.with("words", "#!/bin/sh\necho \"$(printf '<%s>' \"$@\")\"\n");
  ASSERT_EQ(std::system(("chmod +x " + job.program).c_str()), 0);
  const std::string expected = std::string("<sweep><run><") + kAwkward +
                               "><--manifest><0123456789abcdef><--jobs><2><--shard><3/80>\n";
  const std::string slurm = folder.with("slurm.sh", slurm_script(job));
  EXPECT_EQ(run_shell("SLURM_ARRAY_TASK_ID=3 bash " + slurm).out, expected);
  const std::string parallel = folder.with("parallel.sh", parallel_script(job));
  const std::string with_xargs = run_shell("command() { false; }; . " + parallel).out;
  EXPECT_NE(with_xargs.find(expected), std::string::npos) << with_xargs;
  if (std::system("command -v parallel >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "needs GNU parallel for its half";
  const std::string with_parallel = run_shell("sh " + parallel).out;
  EXPECT_NE(with_parallel.find(expected), std::string::npos) << with_parallel;
  EXPECT_EQ(std::count(with_parallel.begin(), with_parallel.end(), '\n'), 80);
}

TEST(SweepScripts, AskSlurmForAnArrayOfTheShards) {
  SweepJob job = job_in("/data/s");
  EXPECT_NE(slurm_script(job).find("\n#SBATCH --array=0-79%20\n"), std::string::npos);
  EXPECT_NE(slurm_script(job).find("\n#SBATCH --cpus-per-task=2\n"), std::string::npos);
  job.at_once.reset();
  EXPECT_NE(slurm_script(job).find("\n#SBATCH --array=0-79\n"), std::string::npos);
}

TEST(SweepScripts, AskKubernetesForAnIndexedJob) {
  if (std::system("python3 -c 'import yaml' 2>/dev/null") != 0)
    GTEST_SKIP() << "needs a YAML parser (Debian: python3-yaml)";
  const ScratchFolder folder;
  const std::string file = folder.with("job.yaml", kubernetes_job(job_in(kAwkward)));
  const Outcome json = run_shell(
      "python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' " +
      file);
  ASSERT_EQ(json.code, 0) << json.err;
  const auto job = nlohmann::json::parse(json.out);
  EXPECT_EQ(job["apiVersion"], "batch/v1");
  EXPECT_EQ(job["kind"], "Job");
  const auto& spec = job["spec"];
  EXPECT_EQ(spec["completionMode"], "Indexed");
  EXPECT_EQ(spec["completions"], 80);
  EXPECT_EQ(spec["parallelism"], 20);
  const auto& pod = spec["template"]["spec"];
  EXPECT_EQ(pod["restartPolicy"], "Never");  // backoffLimitPerIndex requires it
  const auto& container = pod["containers"][0];
  EXPECT_EQ(container["image"], "registry.example/kvsim:1");
  EXPECT_EQ(container["command"], nlohmann::json({"kvsim"}));
  EXPECT_EQ(container["args"], nlohmann::json({"sweep", "run", kAwkward, "--manifest",
                                               "0123456789abcdef", "--jobs", "2"}));
  EXPECT_EQ(container["env"][0], nlohmann::json({{"name", "KVSIM_SHARDS"}, {"value", "80"}}));
  EXPECT_EQ(container["volumeMounts"][0]["mountPath"], kAwkward);
  EXPECT_EQ(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], "sweep-data");
}

// What Kubernetes' own types make of it: every field we say is one they have, of that type. No
// cluster is asked.
TEST(SweepScripts, AreAJobToKubectl) {
  if (std::system("command -v kubectl >/dev/null 2>&1 && python3 -c 'import yaml' 2>/dev/null") !=
      0)
    GTEST_SKIP() << "needs kubectl and python3-yaml";
  const ScratchFolder folder;
  const std::string file = folder.with("job.yaml", kubernetes_job(job_in("/sweep")));
  const Outcome said = run_shell(
      "python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' " +
      file);
  const Outcome read = run_shell("kubectl set env --local -f " + file + " A=B -o json");
  ASSERT_EQ(read.code, 0) << read.err;
  const auto theirs = nlohmann::json::parse(read.out).flatten();
  const auto ours = nlohmann::json::parse(said.out).flatten();
  EXPECT_GT(ours.size(), 30U);
  for (const auto& [pointer, value] : ours.items())
    EXPECT_EQ(theirs.value(pointer, nlohmann::json()), value) << pointer;
}

}  // namespace
}  // namespace kvsim
