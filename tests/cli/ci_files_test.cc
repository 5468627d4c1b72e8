// configs/ci: ready workflow files are YAML, and what they run is what kvsim understands.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include <gtest/gtest.h>

#include "tests/support/program.h"

namespace kvsim {
namespace {

class CiFile : public testing::TestWithParam<std::string> {
 protected:
  std::string path_ = std::string(KVSIM_SOURCE_DIR) + "/configs/ci/" + GetParam();
  std::string text_ = text_of(path_);
};

// With a YAML parser at hand it decides; without one, what can be seen: no tab, keys at the margin.
TEST_P(CiFile, IsYaml) {
  ASSERT_FALSE(text_.empty()) << path_;
  if (std::system("python3 -c 'import yaml' 2>/dev/null") == 0) {
    const std::string parse =
        "python3 -c 'import sys, yaml; d = yaml.safe_load(open(sys.argv[1])); "
        "sys.exit(0 if isinstance(d, dict) else 1)' " +
        path_;
    EXPECT_EQ(std::system(parse.c_str()), 0);
    return;
  }
  EXPECT_EQ(text_.find('\t'), std::string::npos);
  EXPECT_TRUE(std::regex_search(text_, std::regex("\n[a-z]+:\n")));
}

// Every option of its kvsim command is one that kvsim check declares.
TEST_P(CiFile, UsesOptionsThatExist) {
  const std::string help = run_program("check --help").out;
  const std::regex option(R"(\s(--[a-z-]+))");
  const std::size_t from = text_.find("kvsim check serving", text_.find("build/sim"));
  ASSERT_NE(from, std::string::npos);
  const std::string command = text_.substr(from, text_.find("\n\n", from) - from);
  int options = 0;
  for (auto at = std::sregex_iterator(command.begin(), command.end(), option);
       at != std::sregex_iterator(); ++at, ++options)
    EXPECT_NE(help.find((*at)[1].str()), std::string::npos) << (*at)[1].str();
  EXPECT_GE(options, 5);
}

TEST_P(CiFile, InstallsWhatTheReadmeInstalls) {
  const std::string readme = text_of(std::string(KVSIM_SOURCE_DIR) + "/README.md");
  const std::string first = "g++ cmake ninja-build";
  const std::size_t from = readme.find(first);
  const std::string packages = readme.substr(from, readme.find(" &&", from) - from);
  EXPECT_NE(text_.find(packages), std::string::npos) << packages;
}

INSTANTIATE_TEST_SUITE_P(Ready, CiFile, testing::Values("github.yml", "gitlab.yml"),
                         [](const auto& test) {
                           return test.param.substr(0, test.param.find('.'));
                         });

}  // namespace
}  // namespace kvsim
