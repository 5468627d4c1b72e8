// kvsim sweep: planned once, run anywhere, and one line for every mistake.
#include <chrono>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/json_text.h"
#include "tests/cli/sweep/small_sweep.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

class SweepVerb : public testing::Test {
 protected:
  void SetUp() override {
    const Outcome planned = plan(dir);
    ASSERT_EQ(planned.code, 0) << planned.err;
    ASSERT_TRUE(planned.out.starts_with(dir + ": 20 points, manifest ")) << planned.out;
  }
  [[nodiscard]] Outcome plan(const std::string& out) const {
    return run_program("sweep plan " + small.of(1, out));
  }
  [[nodiscard]] std::string said(const std::string& arguments, int code = 0) const {
    const Outcome outcome = run_program("sweep " + arguments);
    EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.err;
    return code == 0 || code == 3 ? outcome.out : outcome.err;
  }
  [[nodiscard]] std::string id(std::size_t point) const {
    return lines_of(text_of(dir + "/manifest.jsonl")).at(point)["id"];
  }
  [[nodiscard]] std::string result(std::size_t point) const {
    return dir + "/results/" + id(point) + ".json";
  }
  const ScratchFolder folder;
  const SmallSweep small{folder};
  const std::string dir = folder / "s";
};

TEST_F(SweepVerb, PlansTheSameBytesAndRefusesAnotherPlan) {
  ASSERT_EQ(plan(folder / "again").code, 0);
  for (const char* file : {"/manifest.jsonl", "/sweep.json"})
    EXPECT_EQ(text_of(dir + file), text_of((folder / "again") + file));
  EXPECT_EQ(said("run " + dir), dir + ": shard 0/1: 20 points: 20 run, 0 were there\n");
  const std::string before = text_of(dir + "/manifest.jsonl");
  EXPECT_EQ(plan(dir).code, 0);
  EXPECT_EQ(said("run " + dir), dir + ": shard 0/1: 20 points: 0 run, 20 were there\n");
  expect_refused("sweep plan " + small.config + " --out " + dir,
                 dir + ": manifest.jsonl: another plan, of 20 points: plan into a new folder\n");
  EXPECT_EQ(text_of(dir + "/manifest.jsonl"), before);
}

// Another program path to the same figures: kvsim compare.
TEST_F(SweepVerb, MergesWhatCompareFinds) {
  (void)said("run " + dir);
  EXPECT_EQ(said("merge " + dir + " --jsonl " + (folder / "m.jsonl")), "");
  const auto rows = lines_of(text_of(folder / "m.jsonl"));
  const Outcome compared =
      run_program("compare " + small.config +
                  " --set /cache/block_size=4,8,16,32 --set /cache/eviction=lru,fifo,lfu,mru,slru"
                  " --no-optimal --json");
  const auto variants = Json::parse(compared.out)["variants"];
  ASSERT_EQ(rows.size(), 20U);
  ASSERT_EQ(variants.size(), 20U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["index"], i);
    EXPECT_EQ(rows[i]["label"], variants[i]["label"]);
    EXPECT_EQ(rows[i]["settings"], variants[i]["settings"]);
    EXPECT_EQ(rows[i]["summary"], variants[i]["summary"]);
  }
}

// The folder is all that a worker needs: elsewhere, without the trace it was planned from.
TEST_F(SweepVerb, RunsInACopyOfTheFolderAlone) {
  (void)said("run " + dir);
  ASSERT_EQ(plan(folder / "elsewhere/b").code, 0);
  fs::rename(folder / "elsewhere/b", folder / "elsewhere/c");
  fs::remove(folder / "t.jsonl");
  fs::remove(small.config);
  (void)said("run " + (folder / "elsewhere/c/") + " --jobs 2");
  EXPECT_EQ(said("merge " + (folder / "elsewhere/c")), said("merge " + dir));
}

// A model's and a device's files travel too, and their contents are what a point is.
TEST_F(SweepVerb, KeepsTheFilesThatConfigsName) {
  const std::string configs = KVSIM_SOURCE_DIR "/configs/";
  (void)folder.with("m/my-model/config.json", text_of(configs + "models/llama-2-7b.json"));
  (void)folder.with("m/my-gpu.json", text_of(configs + "devices/a100-80gb.json"));
  const std::string with = " --set /model=m/my-model/config.json --set /device=m/my-gpu.json";
  const std::string own = folder / "own";
  (void)said("plan " + small.config + with + " --set /seed=1,2 --out " + own);
  const Outcome direct = run_program("run " + small.config + with + " --set /seed=2 --json");
  ASSERT_EQ(direct.code, 0) << direct.err;
  const Json point = lines_of(text_of(own + "/manifest.jsonl")).at(1);
  EXPECT_EQ(point["config_digest"], Json::parse(direct.out)["provenance"]["config_digest"]);
  EXPECT_EQ(point["inputs"].size(), 3U);
  EXPECT_TRUE(point["config"]["/model"].get<std::string>().ends_with("/my-model/config.json"));
  fs::rename(folder / "m", folder / "gone");
  (void)said("run " + own);
  (void)said("merge " + own + " --jsonl " + (folder / "m.jsonl"));
  EXPECT_EQ(lines_of(text_of(folder / "m.jsonl")).at(1)["summary"], Json::parse(direct.out));
  // Another model under the same name is another point.
  fs::rename(folder / "gone", folder / "m");
  (void)folder.with("m/my-model/config.json", text_of(configs + "models/llama-2-13b.json"));
  (void)said("plan " + small.config + with + " --set /seed=1,2 --out " + (folder / "other"));
  EXPECT_NE(lines_of(text_of(folder / "other/manifest.jsonl")).at(1)["id"], point["id"]);
}

TEST_F(SweepVerb, TellsWhichShardsAreMissing) {
  EXPECT_EQ(said("run " + dir + " --shard 1/4"),
            dir + ": shard 1/4: 5 points: 5 run, 0 were there\n");
  EXPECT_EQ(said("run " + dir + " --shard 7/20"),
            dir + ": shard 7/20: 1 point: 1 run, 0 were there\n");
  const std::string file = folder / "m.csv";
  const Outcome merged = run_program("sweep merge " + dir + " --shards 4 --csv " + file);
  EXPECT_EQ(merged.code, 3);
  EXPECT_EQ(merged.out, "--array=0,2-3\n");
  EXPECT_EQ(merged.err, "kvsim sweep merge: " + dir +
                            ": 14 of 20 points without a result; of 4 shards run these again:\n");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(said("merge " + dir, 3), "--array=0,2-4,6,8,10-12,14-16,18-19\n");
  EXPECT_EQ(said("status " + dir + " --shards 4"),
            dir +
                ": 20 points: 6 done, 0 cannot run, 14 missing\n"
                "missing: 0,2-4,6,8,10-12,14-16,18-19\n"
                "shard  done  cannot run  missing\n"
                "0         0           0        5\n"
                "1         5           0        0\n"
                "2         0           0        5\n"
                "3         1           0        4\n");
}

// Half a file, another point's, another version's, another trace's: each is made again and said.
TEST_F(SweepVerb, MakesAgainWhatIsNotThePointsOwn) {
  (void)said("run " + dir);
  const std::string merged = said("merge " + dir);
  const std::string first = text_of(result(0));
  const auto with = [&](const char* key, const char* value) {
    Json document = Json::parse(first);
    document[Json::json_pointer(key)] = value;
    return document.dump();
  };
  for (const auto& [text, problem] :
       {std::pair<std::string, std::string>{first.substr(0, 100), "results/"},
        {text_of(result(1)), "its id is another one"},
        {"[]", "it is no result"},
        {"", "results/"},
        {with("/version", "0.0.1"), "its version is another one"},
        {with("/inputs/~1workload~1trace", "0"), "its inputs is another one"},
        {with("/summary/provenance/config_digest", "0"), "its summary is of another config"},
        {with("/summary/ttft_ms", "?"), "results/"}}) {
    std::ofstream(result(0), std::ios::trunc) << text;
    EXPECT_EQ(said("merge " + dir, 3), "--array=0\n") << text;
    const Outcome again = run_program("sweep run " + dir);
    EXPECT_EQ(again.code, 0);
    EXPECT_EQ(again.out, dir + ": shard 0/1: 20 points: 1 run, 19 were there\n");
    EXPECT_TRUE(
        again.err.starts_with("kvsim sweep run: point 0 (block_size=4 eviction=lru): made "
                              "again: there was a result, but " +
                              problem))
        << again.err;
    EXPECT_EQ(text_of(result(0)), first);
  }
  EXPECT_EQ(said("merge " + dir), merged);
}

// That fields do not go together is known only when a run is put together.
TEST_F(SweepVerb, RecordsPointsThatCannotRunAndGoesOn) {
  const std::string broken = folder / "broken";
  (void)said("plan " + small.config + " --set /speculative/method=none,draft_model --set " +
             "/cache/block_size=8,16 --out " + broken);
  const Outcome run = run_program("sweep run " + broken + " --jobs 1");
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, broken + ": shard 0/1: 4 points: 4 run, 0 were there; 2 cannot run\n");
  EXPECT_TRUE(run.err.starts_with("kvsim sweep run: point 2 (method=draft_model block_size=8): "))
      << run.err;
  EXPECT_EQ(run.err.find(folder / ""), std::string::npos) << "no path of this machine";
  const Outcome again = run_program("sweep run " + broken + " --jobs 1");
  EXPECT_EQ(again.code, 2);
  EXPECT_EQ(again.out, broken + ": shard 0/1: 4 points: 0 run, 4 were there; 2 cannot run\n");
  EXPECT_EQ(again.err, run.err);
  const Outcome merged = run_program("sweep merge " + broken + " --jsonl " + (folder / "m.jsonl"));
  EXPECT_EQ(merged.code, 0);
  EXPECT_EQ(merged.err,
            "kvsim sweep merge: " + broken + ": 2 of 4 points cannot run; their rows say why\n");
  const auto rows = lines_of(text_of(folder / "m.jsonl"));
  EXPECT_TRUE(rows.at(1).contains("summary"));
  EXPECT_TRUE(rows.at(2).contains("error"));
  EXPECT_FALSE(rows.at(2).contains("summary"));
}

TEST_F(SweepVerb, RefusesWhatBelongsToAnotherPlan) {
  const std::string other = folder / "other";
  (void)said("plan " + small.config + " --set /seed=7,8 --out " + other);
  (void)said("run " + other);
  (void)said("run " + dir);
  const fs::path stray = *fs::directory_iterator(other + "/results");
  const std::string copy = dir + "/results/" + stray.filename().string();
  fs::copy_file(stray, copy);
  expect_refused("sweep merge " + dir, copy + ": the result of another plan: 1 such file in " +
                                           dir + "/results; take them away\n");
  EXPECT_NE(said("status " + dir).find(copy + ": the result of another plan\n"), std::string::npos);
  const Outcome job = run_program("sweep run " + dir + " --manifest 0123456789abcdef");
  EXPECT_EQ(job.code, 2);
  EXPECT_TRUE(job.err.starts_with(dir + ": --manifest: this folder holds manifest ")) << job.err;
}

TEST_F(SweepVerb, RefusesAnEditedPlan) {
  const std::string manifest = text_of(dir + "/manifest.jsonl");
  const std::string edited =
      dir +
      "/manifest.jsonl: edited: not what sweep.json was written with: plan again into a new "
      "folder\n";
  std::string other = manifest;
  other.replace(other.find("\"/cache/block_size\":4"), 20, "\"/cache/block_size\":5");
  const std::string cut = manifest.substr(0, manifest.rfind('\n', manifest.size() - 2) + 1);
  for (const std::string& text : {other, cut, std::string(), manifest + "{\n"}) {
    std::ofstream(dir + "/manifest.jsonl", std::ios::trunc) << text;
    for (const char* action : {"run ", "status ", "merge ", "emit slurm "})
      expect_refused("sweep " + (action + dir), edited);
  }
  std::ofstream(dir + "/manifest.jsonl", std::ios::trunc) << manifest;
  std::ofstream(dir + "/sweep.json", std::ios::trunc) << R"({"version": "0.0.1"})";
  const Outcome older = run_program("sweep run " + dir);
  EXPECT_EQ(older.code, 2);
  EXPECT_TRUE(older.err.starts_with(dir + "/sweep.json: /version: planned by kvsim 0.0.1, and "))
      << older.err;
  expect_refused(
      "sweep run " + (folder / ""),
      (folder / "") + ": sweep.json: not there; expected a folder of kvsim sweep plan --out\n");
}

TEST_F(SweepVerb, RefusesAChangedInput) {
  const std::string place =
      dir + "/" +
      lines_of(text_of(dir + "/manifest.jsonl"))[0]["config"]["/workload/trace"].get<std::string>();
  EXPECT_EQ(text_of(place), text_of(folder / "t.jsonl"));
  std::ofstream(place, std::ios::app) << "{}\n";
  const Outcome outcome = run_program("sweep run " + dir);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(outcome.err.starts_with(place + ": changed: its digest is ")) << outcome.err;
  EXPECT_TRUE(fs::is_empty(dir + "/results"));
  EXPECT_EQ(plan(dir).code, 0) << "the same plan again puts it right";
  EXPECT_EQ(said("run " + dir), dir + ": shard 0/1: 20 points: 20 run, 0 were there\n");
}

TEST_F(SweepVerb, NamesWhatIsWrong) {
  expect_refused("sweep runn " + dir,
                 "kvsim sweep: runn: no such action; known: plan, run, status, merge, emit (did "
                 "you mean 'run'?)\n");
  expect_refused("sweep run " + dir + " --shard 4/4",
                 "kvsim sweep run: --shard: there is no shard 4 of 4: they are numbered from 0\n");
  expect_refused("sweep emit slurmm " + dir,
                 "kvsim sweep emit: slurmm: no such engine; known: k8s, parallel, slurm (did you "
                 "mean 'slurm'?)\n");
  expect_refused("sweep emit slurm " + dir + " --image x",
                 "kvsim sweep emit: --image: is for k8s only\n");
  const std::string plan = "sweep plan " + small.config;
  const std::string out = " --out " + (folder / "new");
  expect_refused(plan, "kvsim sweep plan: --out: missing: the folder to write to\n");
  expect_refused(plan + " --set /seed=1,2,1" + out,
                 "kvsim sweep plan: 'seed=1': the same run as 'seed=1': leave one of them out\n");
  expect_refused(plan + " --set /workload/trace=nope.jsonl" + out,
                 (folder / "nope.jsonl") + ": cannot read: No such file or directory\n");
  expect_refused(plan + " --set /workload/trace=/dev/null" + out,
                 "/dev/null: cannot read: it is no regular file, and a sweep keeps a copy\n");
  EXPECT_FALSE(fs::exists(folder / "new"));
}

// SIGXFSZ ignored, a file that grows too large is an error like a full disk.
TEST_F(SweepVerb, LeavesNothingHalfWrittenOnAFullDisk) {
  const std::string full = "trap '' XFSZ; ulimit -f 1; exec " KVSIM_PROGRAM " sweep ";
  const Outcome plan = run_shell("(" + full + "plan " + small.of(9, folder / "new") + ")");
  EXPECT_EQ(plan.code, 2);
  EXPECT_TRUE(plan.err.ends_with("/t.jsonl: cannot write: File too large\n")) << plan.err;
  EXPECT_FALSE(fs::exists(folder / "new"));
  const Outcome run = run_shell("(" + full + "run " + dir + " --jobs 1)");
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, result(0) + ": cannot write: File too large\n");
  EXPECT_TRUE(fs::is_empty(dir + "/results"));
  EXPECT_EQ(said("run " + dir), dir + ": shard 0/1: 20 points: 20 run, 0 were there\n");
}

TEST_F(SweepVerb, ClearsWhatDeadWorkersLeft) {
  const std::string old = dir + "/results/" + id(0) + ".json.1-0.part";
  const std::string young = dir + "/results/" + id(0) + ".json.2-0.part";
  std::ofstream(old) << "{";
  std::ofstream(young) << "{";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  (void)said("run " + dir);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young)) << "it may be somebody's who is at work";
  EXPECT_EQ(run_program("sweep merge " + dir).code, 0);
}

}  // namespace
}  // namespace kvsim
