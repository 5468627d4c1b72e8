// Every record that vLLM's own block manager and scheduler (July 2026) answered, answered by the
// classes that simulations use: block ids, tables, reference counts, the free queue in order, what
// is cached where, what is evicted when. Recordings are not part of the repository: set KVSIM_OPS to
// the folder that holds them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "sim/cli/ops/dialect.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) rows.push_back(Json::parse(line));
  return rows;
}

// Key order is free, so records are compared as unordered objects.
nlohmann::json unordered(const Json& record) { return nlohmann::json(record); }

class VllmOps : public testing::TestWithParam<std::string> {};

TEST_P(VllmOps, AnswersAsVllmDid) {
  const char* folder = std::getenv("KVSIM_OPS");
  if (folder == nullptr) GTEST_SKIP() << "KVSIM_OPS names no folder of recordings";
  const auto path = std::filesystem::path(folder) / GetParam();
  const auto ops = lines_of(path.string() + ".ops.jsonl");
  const auto expected = lines_of(path.string() + ".expected.jsonl");
  ASSERT_EQ(ops.size(), expected.size());
  ASSERT_GT(ops.size(), 90U);
  const auto dialect = make_vllm_ops();
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto record = unordered(dialect->answer(ops[i], i));
    for (const auto& [key, value] : expected[i].items())
      ASSERT_EQ(record[key], unordered(value)) << "record " << i << ", " << key;
    dialect->check_books();
  }
}

INSTANTIATE_TEST_SUITE_P(Recordings, VllmOps,
                         testing::Values("vllm_full_1", "vllm_full_2", "vllm_draft_1",
                                         "vllm_window_1", "vllm_hybrid_1", "vllm_sched_fcfs_1",
                                         "vllm_sched_fcfs_2", "vllm_sched_priority_1",
                                         "vllm_sched_draft_1"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace kvsim
