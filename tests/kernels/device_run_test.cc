// kernels/device_run.sh, as far as it goes without a GPU: its arguments and its plan.
#include <cstdio>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

struct Said {
  int code = -1;
  std::string text;  ///< Both streams.
};

Said run_script(const std::string& arguments, const std::string& environment = "") {
  const ScratchFolder folder;
  const std::string log = folder / "log";
  const std::string command = environment + " " KVSIM_SOURCE_DIR "/kernels/device_run.sh " +
                              arguments + " >" + log + " 2>&1";
  Said said;
  const int status = std::system(command.c_str());
  said.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  said.text = text_of(log);
  return said;
}

void expect_refused(const std::string& arguments, const std::string& why) {
  const Said said = run_script(arguments);
  EXPECT_EQ(said.code, 2) << arguments;
  EXPECT_EQ(said.text, "device_run.sh: " + why + "\n");
}

TEST(DeviceRun, RefusesWhatItDoesNotUnderstand) {
  expect_refused("", "expected OUT_DIR; see --help");
  expect_refused("a b", "one OUT_DIR, got 'a' and 'b'");
  expect_refused("a --fast", "no option named '--fast'; see --help");
  expect_refused("a --minutes", "--minutes: expected a value after it");
  expect_refused("a --minutes 3", "--minutes: expected 4 to 60, got '3'");
  expect_refused("a --minutes ten", "--minutes: expected 4 to 60, got 'ten'");
  expect_refused("a --validate /nowhere",
                 "/nowhere/steps.jsonl: cannot read it; make it with: kvsim run CONFIG --out "
                 "/nowhere --steps 20");
}

TEST(DeviceRun, PrintsItsPlanAndTouchesNothing) {
  const ScratchFolder folder;
  const Said said = run_script((folder / "out") + " --dry-run --minutes 8");
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.text.find("--self-check"), std::string::npos) << said.text;
  EXPECT_NE(said.text.find("in what is left of 450 s"), std::string::npos) << said.text;
  EXPECT_EQ(said.text.find("--validate"), std::string::npos);
  EXPECT_EQ(folder.entries(), 0U);
  const std::string run = folder.with("run/steps.jsonl", "");
  const Said with = run_script((folder / "out") + " --dry-run --validate " + (folder / "run"));
  EXPECT_NE(with.text.find("--validate"), std::string::npos) << with.text;
}

TEST(DeviceRun, SaysWhereItsUsageIs) {
  const Said said = run_script("--help");
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.text.substr(0, 36), "usage: kernels/device_run.sh OUT_DIR");
}

TEST(DeviceRun, NeedsNvcc) {
  const ScratchFolder folder;
  const Said said = run_script(folder / "out", "CUDACXX=/nowhere/nvcc");
  EXPECT_EQ(said.code, 2);
  EXPECT_EQ(said.text, "device_run.sh: /nowhere/nvcc: no such compiler (CUDACXX)\n");
  EXPECT_EQ(folder.entries(), 0U);
}

}  // namespace
}  // namespace kvsim
