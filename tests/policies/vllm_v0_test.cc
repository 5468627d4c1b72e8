// vllm-v0 by worked example, and the laws for families: forks, pruned beams, swaps, contents.
#include <gtest/gtest.h>

#include "sim/model/allocator.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

constexpr std::int64_t kBlock = 16;

tiny::World world(const std::string& config, std::int64_t blocks, std::int64_t host_blocks = 0) {
  tiny::World w;
  w.config = ConfigView::parse(config, "test");
  w.config.set("/scheduler/batching", "vllm-v0", "test");
  w.config.set("/verify", "contents", "test");
  w.capacity = Tokens(kBlock * (blocks + 1));  // the null block
  w.swap_space = Tokens(kBlock * host_blocks);
  return w;
}

// The workload of the config, several answers to a prompt included, in such a world.
Report run(const tiny::World& w, std::vector<Observer*> watchers = {}) {
  const auto workload = open_workload({w.config, 0});
  const tiny::PriceList cost(w.price);
  return simulate({w.config,
                   *workload,
                   {{w.config, cost, w.capacity, w.block, w.max_model_len, {}, {}, w.swap_space}}},
                  watchers, {});
}

class Steps final : public Observer {
 public:
  void on_step(const StepRecord& step) override { shapes.push_back(step.shape); }
  void on_finish(Time /*now*/, const Sequence& s, ReplicaId /*where*/) override {
    order.push_back(s.request.id);
    needed += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
  }
  std::vector<StepShape> shapes;
  std::vector<std::uint64_t> order;
  Tokens needed;
};

// The second prompt arrives while the first decodes: it has a step for itself.
TEST(VllmV0, ComputesPromptsBeforeAnythingElse) {
  tiny::World w = world("{}", 100);
  w.requests = {tiny::lonely(0, 40, 5), tiny::lonely(15, 40, 5)};
  Steps steps;
  (void)w.run({&steps});
  ASSERT_EQ(steps.shapes.size(), 1U + 1 + 1 + 4);
  for (const StepShape& shape : steps.shapes)
    EXPECT_TRUE(shape.prefills == 0 || shape.decodes == 0);
  EXPECT_EQ(steps.shapes[2].prefills, 1);
}

// 1 % of 200 blocks stays free while others run: of 200, two prompts of 99 blocks fit, with one
// more block they do not.
TEST(VllmV0, KeepsOnePerCentOfTheBlocksFreeWhenAdmitting) {
  for (const std::int64_t more : {0, 1}) {
    tiny::World w = world("{}", 200);
    w.config.set("/scheduler/max_num_batched_tokens", 10'000, "test");
    w.requests = {tiny::lonely(0, kBlock * 99, 1), tiny::lonely(0, kBlock * (99 + more), 1)};
    Steps steps;
    (void)w.run({&steps});
    EXPECT_EQ(steps.shapes.size(), 1U + static_cast<std::size_t>(more));
  }
}

// 4 siblings of a prompt of 24 tokens share 2 blocks. At the first token 3 copy the half full one.
// The prompt is computed once; a single step gives all 4 their first token.
TEST(VllmV0, SiblingsComputeTheirPromptOnceAndCopyItsTail) {
  const tiny::World w = world(R"({"workload": {"samples": 4, "generate": {"requests": 1,
      "prompt": {"law": "constant", "mean": 24}, "output": {"law": "constant", "mean": 4}}}})",
                              100);
  Steps steps;
  const Report report = run(w, {&steps});
  EXPECT_EQ(report.requests.completed, 4);
  EXPECT_EQ(report.computed_tokens, 24 + 4 * 3);
  EXPECT_EQ(report.cow_copies, 3);
  ASSERT_EQ(steps.shapes.size(), 4U);
  EXPECT_EQ(steps.shapes[0].prefills, 1);
  EXPECT_EQ(steps.shapes[0].samples, 4);
  EXPECT_EQ(steps.shapes[1].copied_blocks, 3);
  EXPECT_EQ(steps.shapes[1].copied_tokens, Tokens(3 * kBlock));
  EXPECT_EQ(report.prefix_cache.query_tokens, 24) << "a fork asks no cache";
  EXPECT_EQ(report.kv.peak_held_tokens, kBlock * (1 + 4));
}

// Two sequences of 2 blocks in 5: at token 33 both want a third. The last gives way.
TEST(VllmV0, SwapsOrRecomputesTheLast) {
  for (const std::string mode : {"auto", "recompute", "swap"}) {
    tiny::World w = world("{}", 5, 10);
    w.config.set("/scheduler/preemption_mode", mode, "test");
    w.config.set("/cache/enable_prefix_caching", false, "test");
    w.requests = {tiny::lonely(0, 30, 20), tiny::lonely(0, 30, 20)};
    Steps steps;
    const Report report = w.run({&steps});
    EXPECT_EQ(report.preemptions, 1) << mode;
    EXPECT_EQ(steps.order, (std::vector<std::uint64_t>{0, 1}));
    if (mode == "swap") {
      EXPECT_EQ(report.recomputed_tokens, 0);
      EXPECT_EQ(report.transfers, 2 + 2) << "out and in again";
    } else {
      EXPECT_GE(report.recomputed_tokens, 30) << mode;
      EXPECT_EQ(report.transfers, 0) << "a single sequence is recomputed";
    }
  }
}

TEST(VllmV0, RecomputesWhatTheHostHasNoRoomFor) {
  tiny::World w = world(R"({"scheduler": {"preemption_mode": "swap"}})", 5, 1);
  w.requests = {tiny::lonely(0, 30, 20), tiny::lonely(0, 30, 20)};
  const Report report = w.run();
  EXPECT_EQ(report.requests.completed, 2);
  EXPECT_EQ(report.transfers, 0);
  EXPECT_GT(report.recomputed_tokens, 0);
}

// 8 siblings of 4 blocks each cannot live in 20 blocks side by side, whatever they share.
TEST(VllmV0, RejectsAFamilyThatCouldNeverFit) {
  const tiny::World w = world(R"({"workload": {"samples": 8, "generate": {"requests": 3,
      "prompt": {"law": "constant", "mean": 10}, "output": {"law": "constant", "mean": 50}}}})",
                              20);
  const Report report = run(w);
  EXPECT_EQ(report.requests.rejected, 3 * 8);
  EXPECT_EQ(report.requests.rejected_too_large, 3 * 8);
}

// ---- Laws -----------------------------------------------------------------------------------

using Param = std::tuple<std::string, std::string, std::string, int>;  // .., host blocks

class Families : public testing::TestWithParam<Param> {};

TEST_P(Families, LoseNothingAndReadBackWhatTheyWrote) {
  const auto& [allocator, siblings, mode, host] = GetParam();
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    tiny::World w = world(R"({"workload": {"generate": {"requests": 60,
        "prompt": {"law": "uniform", "mean": 60, "max": 110}, "turns": {"law": "uniform", "mean": 2, "max": 3},
        "think_s": {"law": "constant", "mean": 0.01},
        "output": {"law": "uniform", "mean": 30, "max": 60}}, "arrivals": {"rate": 40}}})",
                          90, host);
    w.config.set("/workload/" + siblings, 3, "test");
    w.config.set("/seed", seed, "test");
    w.config.set("/cache/allocator", allocator, "test");
    w.config.set("/cache/reserve", "oracle", "test");
    w.config.set("/scheduler/preemption_mode", mode, "test");
    w.config.set("/cache/enable_prefix_caching", seed % 2 == 0, "test");
    Steps steps;
    const Report report = run(w, {&steps});
    EXPECT_EQ(report.requests.total, report.requests.completed + report.requests.rejected);
    EXPECT_GT(report.requests.completed, 100);
    EXPECT_EQ(report.computed_tokens, steps.needed.value());
    if (allocator == "paged") {
      EXPECT_GT(report.preemptions, 0);
      EXPECT_GT(report.cow_copies, 0);
      EXPECT_EQ(report.transfers > 0, mode != "recompute" && host > 0);
    }
    EXPECT_EQ(run(w).provenance.fingerprint, report.provenance.fingerprint);
  }
}

INSTANTIATE_TEST_SUITE_P(VllmV0, Families,
                         testing::Combine(testing::ValuesIn(Registry<Allocator>::names()),
                                          testing::Values("samples", "beam_width"),
                                          testing::Values("auto", "recompute", "swap"),
                                          testing::Values(0, 12, 200)),
                         [](const auto& test) {
                           return std::get<0>(test.param) + "_" + std::get<1>(test.param) + "_" +
                                  std::get<2>(test.param) + "_" +
                                  std::to_string(std::get<3>(test.param));
                         });

}  // namespace
}  // namespace kvsim
