// Random operations, right and wrong ones, on small pools: the books balance after each.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/cli/random_ops.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

class RandomSglangOps : public testing::TestWithParam<std::string> {};

TEST_P(RandomSglangOps, KeepTheBooks) {
  const std::unique_ptr<OpsDialect> dialect = make_sglang_ops();
  RandomOps random(7);
  constexpr std::size_t kOps = repetitions<std::size_t>(30'000);
  std::size_t refused = 0;
  std::size_t i = 0;
  const RandomOps::Json config = RandomOps::Json::parse(GetParam());
  const bool pool = config.contains("size");
  (void)dialect->answer(config, i++);
  for (; i < kOps; ++i) {
    const RandomOps::Json op = random.next(pool);
    try {
      const RandomOps::Json record = dialect->answer(op, i);
      random.learn(op, record);
    } catch (const OpError&) {
      ++refused;
    }
    if (i % 8 == 0) dialect->check_books();
  }
  EXPECT_GT(refused, kOps / 100) << "wrong operations are among them";
  EXPECT_LT(refused, kOps / 2) << "most are right";
}

std::vector<std::string> configs() {
  std::vector<std::string> all;
  for (const char* policy : {"lru", "lfu", "fifo", "mru", "filo", "priority", "slru"})
    for (const int page : {1, 4})
      all.push_back(fmt::format(
          R"({{"op": "config", "policy": "{}", "page_size": {}, "size": 96}})", policy, page));
  all.push_back(R"({"op": "config", "size": 96, "need_sort": true})");
  all.push_back(R"({"op": "config", "size": 96, "need_sort": true, "page_size": 4})");
  all.push_back(R"({"op": "config", "size": 96, "disable": true})");
  all.push_back(R"({"op": "config", "size": 96, "disable_finished_insert": true})");
  all.push_back(R"({"op": "config", "page_size": 2})");
  return all;
}

INSTANTIATE_TEST_SUITE_P(Configs, RandomSglangOps, testing::ValuesIn(configs()));

}  // namespace
}  // namespace kvsim
