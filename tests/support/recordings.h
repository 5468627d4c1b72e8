#pragma once
// Replays NAME.ops.jsonl through a dialect and compares every record with NAME.expected.jsonl.
//
// A few recordings are in tests/golden/ops; more may lie in the folder that $KVSIM_OPS names.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/cli/ops/dialect.h"

namespace kvsim {

/// The recordings in `folder` whose names start with `prefix`, sorted.
inline std::vector<std::filesystem::path> recordings(const std::filesystem::path& folder,
                                                     const std::string& prefix) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(prefix) && name.ends_with(".ops.jsonl")) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline void expect_recorded_answers(OpsDialect& dialect, const std::filesystem::path& ops) {
  using Json = nlohmann::json;  // unordered: key order is free
  std::string expected_path = ops.string();
  expected_path.replace(expected_path.rfind(".ops."), 5, ".expected.");
  std::ifstream in(ops);
  std::ifstream expected(expected_path);
  std::string line;
  std::string answer;
  std::size_t records = 0;
  for (; std::getline(in, line) && std::getline(expected, answer); ++records) {
    const auto ours = dialect.answer(OpsDialect::Json::parse(line), records);
    const Json difference = Json::diff(Json::parse(answer), Json::parse(ours.dump()));
    ASSERT_TRUE(difference.empty()) << ops.filename() << ":" << records + 1 << "\n"
                                    << line << "\n"
                                    << difference.dump(1).substr(0, 2000);
    dialect.check_books();
  }
  EXPECT_GT(records, 0U) << ops;
}

}  // namespace kvsim
