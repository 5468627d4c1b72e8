// The radix tree answers recorded operations as SGLang's own code did, record by record.
//
// The recordings are not part of the sources: name their folder in KVSIM_OPS.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/policies/radix_ops_driver.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// Key order is free.
nlohmann::json unordered(const Json& record) { return nlohmann::json::parse(record.dump()); }

void replay(const std::filesystem::path& ops) {
  std::string expected_path = ops.string();
  expected_path.replace(expected_path.rfind(".ops."), 5, ".expected.");
  std::ifstream in(ops);
  std::ifstream expected(expected_path);
  RadixOpsDriver driver;
  std::string line;
  std::string answer;
  std::size_t records = 0;
  for (; std::getline(in, line) && std::getline(expected, answer); ++records) {
    const Json ours = driver.replay(Json::parse(line));
    const nlohmann::json difference =
        nlohmann::json::diff(nlohmann::json::parse(answer), unordered(ours));
    ASSERT_TRUE(difference.empty()) << ops.filename() << ":" << records + 1 << "\n"
                                    << line << "\n"
                                    << difference.dump(1).substr(0, 2000);
    driver.check_books();
  }
  EXPECT_GT(records, 0U);
  std::printf("%s: %zu records equal\n", ops.filename().c_str(), records);
}

TEST(RadixOps, AnswersRecordedOperationsAsSglangDid) {
  const char* folder = std::getenv("KVSIM_OPS");
  if (folder == nullptr) GTEST_SKIP() << "KVSIM_OPS names no folder of recordings";
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("sglang_") && name.ends_with(".ops.jsonl")) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  ASSERT_FALSE(found.empty()) << folder;
  for (const auto& ops : found) replay(ops);
}

}  // namespace
}  // namespace kvsim
