// Several answers to a prompt, as a workload: siblings at once, or a client's beams.
#include <set>

#include <gtest/gtest.h>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

ConfigView config_of(const std::string& more, const std::string& batching = "vllm") {
  return ConfigView::parse(fmt::format(R"({{"scheduler": {{"batching": "{}"}}, "workload": {{{},
      "generate": {{"requests": 5, "prompt": {{"law": "constant", "mean": 20}},
                    "output": {{"law": "constant", "mean": 6}}}}}}}})",
                                       batching, more),
                           "t");
}

TEST(Siblings, ArriveTogetherWithOnePromptAndWordsOfTheirOwn) {
  const ConfigView config = config_of(R"("samples": 3)");
  const auto source = open_workload({config, 0});
  std::set<std::uint64_t> families;
  for (std::uint64_t i = 0; i < 15; i += 3) {
    std::vector<Request> family(3);
    for (Request& r : family) source->take(r);
    families.insert(family[0].family);
    for (std::uint32_t k = 0; k < 3; ++k) {
      EXPECT_EQ(family[k].id, i + k);
      EXPECT_EQ(family[k].sample, k);
      EXPECT_EQ(family[k].samples, 3U);
      EXPECT_EQ(family[k].family, family[0].family);
      EXPECT_EQ(family[k].arrival, family[0].arrival);
      EXPECT_EQ(family[k].content.tokens(), Tokens(26));
    }
    for (std::uint32_t k = 1; k < 3; ++k)
      EXPECT_EQ(common_prefix(family[0].content, Tokens(0), family[k].content, Tokens(0)),
                Tokens(20));
  }
  EXPECT_EQ(families.size(), 5U);
  EXPECT_FALSE(source->upcoming().has_value());
}

TEST(Siblings, CannotBeSamplesAndBeamsAtOnce) {
  const ConfigView config = config_of(R"("samples": 3, "beam_width": 2)");
  EXPECT_THROW((void)open_workload({config, 0}), InputError);
}

TEST(BeamClient, LeavesTheBeamsToAServerThatKnowsThem) {
  const ConfigView config = config_of(R"("beam_width": 4)", "vllm-v0");
  const auto source = open_workload({config, 0});
  Request r;
  source->take(r);
  EXPECT_TRUE(r.beam);
  EXPECT_EQ(r.output, Tokens(6));
}

// 6 tokens: one request for the first, 4 for each of the other 5. Every text is a token longer than
// one of the step before.
TEST(BeamClient, AsksForOneTokenOfEveryBeamAtATime) {
  const ConfigView config = config_of(R"("beam_width": 4, "limit": 1)");
  const auto source = open_workload({config, 0});
  std::vector<Request> before(1);
  source->take(before[0]);
  EXPECT_EQ(before[0].prompt, Tokens(20));
  for (std::int64_t token = 1; token < 6; ++token) {
    EXPECT_FALSE(source->upcoming().has_value()) << "the next token needs all the last ones";
    const Time now = tiny::at_ms(1e6 * static_cast<double>(token));
    for (const Request& r : before) source->ended(r, now);
    std::vector<Request> beams(4);
    for (Request& r : beams) {
      ASSERT_EQ(source->upcoming(), now);
      source->take(r);
      EXPECT_EQ(r.output, Tokens(1));
      EXPECT_EQ(r.prompt, Tokens(20 + token));
      EXPECT_TRUE(std::any_of(before.begin(), before.end(), [&](const Request& parent) {
        return common_prefix(parent.content, Tokens(0), r.content, Tokens(0)) == parent.prompt;
      }));
    }
    before = beams;
  }
  for (const Request& r : before) source->ended(r, tiny::at_ms(1e7));
  EXPECT_FALSE(source->upcoming().has_value());
}

}  // namespace
}  // namespace kvsim
