// kvsim new-policy, end to end: what it writes compiles, passes its own test, and does what it
// says.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/program.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;

// A folder that looks like the root of a checkout.
std::string checkout(const ScratchFolder& folder) {
  (void)folder.with("policies/eviction/ranked.h", "");
  (void)folder.with("tests/policies/README", "");
  return "cd " + (folder / "") + " && ";
}

Outcome in(const std::string& enter, const std::string& arguments) {
  return run_shell(enter + KVSIM_PROGRAM + " " + arguments);
}

TEST(NewPolicy, WritesAPolicyAndItsTestThatCompile) {
  const ScratchFolder folder;
  const Outcome outcome = in(checkout(folder), "new-policy two-words2");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "policies/eviction/two_words2.cpp\ntests/policies/two_words2_test.cc\n");
  const std::string policy = text_of(folder / "policies/eviction/two_words2.cpp");
  EXPECT_NE(policy.find("kTwoWords2{\n    \"two-words2\""), std::string::npos) << policy;
  EXPECT_EQ(policy.find('@'), std::string::npos);
  // As the build would see them: the same sources, the same warnings.
  const std::string compile =
      "c++ -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "
      "-I" KVSIM_SOURCE_DIR " ";
  for (const char* file : {"policies/eviction/two_words2.cpp", "tests/policies/two_words2_test.cc"})
    EXPECT_EQ(run_shell(compile + (folder / file)).err, "") << file;
}

TEST(NewPolicy, TellsMistakesInOneLine) {
  const ScratchFolder folder;
  const std::string enter = checkout(folder);
  const auto expect = [&](const std::string& arguments, const std::string& err) {
    const Outcome outcome = in(enter, "new-policy " + arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "kvsim new-policy: " + err + "\n");
  };
  const std::string form =
      ": expected words of lower-case letters and digits, joined by '-': deepest-first";
  for (const char* bad : {"Deepest", "a_b", "2x", "a--b", "a-", "../x"}) expect(bad, bad + form);
  expect("lru", "lru: there is one already: policies/eviction/lru.cpp");
  expect("", "arguments: expected NAME, got 0");
  expect("a b", "arguments: expected NAME, got 2");
  expect("a --kind routing", "--kind: expected eviction, got 'routing'");
  (void)folder.with("tests/policies/mine_test.cc", "");
  expect("mine", "tests/policies/mine_test.cc: exists already; choose another name");
  EXPECT_FALSE(fs::exists(folder / "policies/eviction/mine.cpp")) << "nothing half-written";
  EXPECT_EQ(in("cd / && ", "new-policy mine").err,
            "kvsim new-policy: this folder: not the root of a kvsim checkout: no "
            "policies/eviction/ranked.h here\n");
}

}  // namespace
}  // namespace kvsim
