// The interview track: policies/README.md asks ten questions, and every command in it works.
#include <algorithm>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "sim/model/builtin_configs.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

/// The arguments of each `kvsim ...` of the page.
std::vector<std::string> commands() {
  const std::string page = text_of(KVSIM_SOURCE_DIR "/policies/README.md");
  const std::string track = page.substr(page.find("## The interview track"));
  const std::regex command("`kvsim ([^`]*)`");
  std::vector<std::string> found;
  for (std::sregex_iterator at(track.begin(), track.end(), command), end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

TEST(InterviewTrack, EveryCommandOfThePageWorks) {
  for (const std::string& arguments : commands()) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments << ": " << outcome.err;
    EXPECT_GT(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3) << arguments;
  }
}

TEST(InterviewTrack, HasAQuestionForEveryScenario) {
  std::set<std::string> asked;
  for (const std::string& arguments : commands()) {
    const std::size_t from = arguments.find("interview/");
    if (from != std::string::npos)
      asked.insert(arguments.substr(from, arguments.find(' ', from) - from));
  }
  std::set<std::string> shipped;
  for (const std::string& name : builtin_config_names("scenarios"))
    if (name.starts_with("interview/")) shipped.insert(name);
  EXPECT_EQ(asked, shipped);
  EXPECT_EQ(shipped.size(), 10U);
}

TEST(InterviewTrack, EveryScenarioIsHeldToSomething) {
  for (const std::string& name : builtin_config_names("scenarios"))
    if (name.starts_with("interview/")) {
      EXPECT_NE(builtin_config("scenarios", name)->find("\"expect\""), std::string_view::npos)
          << name;
    }
}

}  // namespace
}  // namespace kvsim
