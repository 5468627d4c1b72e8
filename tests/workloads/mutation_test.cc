// Seeded fuzzing in the ordinary suite: damaged traces are read or refused, never worse.
#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "tests/workloads/drain.h"
#include "tests/workloads/trace_samples.h"

namespace kvsim {
namespace {

class Mutation : public testing::TestWithParam<std::string> {};

// Flips, drops, doubles or moves a piece of the text.
std::string damaged(std::string text, Rng& rng) {
  constexpr std::string_view kOdd = "\"{}[],:.-0129eE\n\r \\,\0\xff";
  for (std::uint64_t n = 1 + rng.below(4); n > 0 && !text.empty(); --n) {
    const std::size_t at = rng.below(text.size());
    const std::size_t length = rng.below(std::min<std::size_t>(text.size() - at, 24)) + 1;
    switch (rng.below(5)) {
      case 0:
        text[at] = kOdd[rng.below(kOdd.size())];
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        text.insert(rng.below(text.size()), std::string(1 + rng.below(24), '9'));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

TEST_P(Mutation, IsReadOrRefused) {
  const std::string& sample = trace_samples().at(GetParam());
  const std::string settings = R"({"workload": {"format": ")" + GetParam() + R"("}})";
  ASSERT_EQ(error_in("x", sample, settings), "no error");
  ASSERT_EQ(trace_of("x", sample)->identity().format, GetParam()) << "found by its first line";
  Rng rng(7, "mutations of " + GetParam());
  int refused = 0;
  constexpr int kRounds = 4000;
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = damaged(sample, rng);
    const std::string error = error_in("x", text, settings);
    if (error == "no error") continue;
    ++refused;
    EXPECT_TRUE(error.starts_with("x:")) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
  EXPECT_GT(refused, kRounds / 4);
  EXPECT_LT(refused, kRounds);
}

INSTANTIATE_TEST_SUITE_P(AllFormats, Mutation, testing::ValuesIn(Registry<TraceFormat>::names()),
                         [](const auto& chosen) {
                           std::string name = chosen.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace kvsim
