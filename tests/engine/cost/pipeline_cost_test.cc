// Prices of pipeline stages: they add up to the whole, and hand over what they computed.
#include <gtest/gtest.h>

#include "tests/engine/cost/priced.h"

namespace kvsim {
namespace {

Priced with(const std::string& fields) { return Priced("{" + fields + "}"); }

constexpr const char* kBig = R"("cost": "roofline", "model": "llama-3.1-70b")";

// What two stages of four GPUs take more than one: once more the host, and 100 tokens of 8,192 wide
// activations and residual handed on in quarters, 5 us + 819,200 B / (0.79 * 450 GB/s), and put
// together again, 5 us + 3/4 of 3,276,800 B. The final norm is counted once too often: 16 KB.
TEST(PipelineStages, CostHostAndTransferMore) {
  const std::string four = std::string(kBig) + R"(, "tensor_parallel_size": 4)";
  const Priced one = with(four);
  const Priced two = with(four + R"(, "pipeline_parallel_size": 2)");
  const StepShape shape = decodes(100, 1000);
  const double link = 0.79 * 450e9;
  const double more = 500e-6 + 100 * 3e-6 + 5e-6 + 819'200 / link + 5e-6 + 0.75 * 3'276'800 / link;
  EXPECT_EQ(two.cost->stages(), 2U);
  EXPECT_NEAR(two.ms(shape) - one.ms(shape), more * 1e3, 1e-5);
  EXPECT_EQ(two.cost->price(shape),
            two.cost->price_stage(shape, 0) + two.cost->price_stage(shape, 1));
}

// The head is the last stage's: 128,256 x 8,192 in 16 bits, read at 77 % of 4.8 TB/s.
TEST(PipelineStages, SampleInTheLast) {
  const Priced p = with(std::string(kBig) + R"(, "pipeline_parallel_size": 4)");
  const StepShape shape = decodes(1, 1);
  const Duration head = p.cost->price_stage(shape, 3) - p.cost->price_stage(shape, 2);
  EXPECT_NEAR(seconds(head), 128'256.0 * 8'192 * 2 / (0.77 * 4.8e12), 1e-8);
  EXPECT_EQ(p.cost->price_stage(shape, 1), p.cost->price_stage(shape, 2));
}

TEST(PipelineStages, HandOverBetweenNodesAtTheNetworksPrice) {
  const std::string fields = std::string(kBig) + R"(, "pipeline_parallel_size": 2)";
  const StepShape shape = prompt(0, 8192);
  const double within = with(fields).ms(shape);
  const double between = with(fields + R"(, "topology": {"gpus_per_node": 1})").ms(shape);
  const double bytes = 8192.0 * 8192 * 4;
  EXPECT_NEAR(between - within, (bytes / 40e9 - bytes / (0.79 * 450e9)) * 1e3, 1e-4);
}

TEST(PipelineStages, AreDealtOutAsVllmDoes) {
  using Bounds = std::vector<std::size_t>;
  EXPECT_EQ(stage_bounds(80, 4), (Bounds{0, 20, 40, 60, 80}));
  EXPECT_EQ(stage_bounds(61, 4), (Bounds{0, 15, 30, 46, 61}));
  EXPECT_EQ(stage_bounds(10, 4), (Bounds{0, 2, 5, 8, 10}));
  for (std::size_t layers = 1; layers < 40; ++layers)
    for (std::int64_t stages = 1; stages <= static_cast<std::int64_t>(layers); ++stages) {
      const Bounds bounds = stage_bounds(layers, stages);
      ASSERT_EQ(bounds.size(), static_cast<std::size_t>(stages) + 1);
      EXPECT_EQ(bounds.back(), layers);
      const std::size_t least = layers / static_cast<std::size_t>(stages);
      for (std::size_t i = 1; i < bounds.size(); ++i) {
        EXPECT_GE(bounds[i] - bounds[i - 1], least);
        EXPECT_LE(bounds[i] - bounds[i - 1], least + 1);
      }
      EXPECT_EQ(layers - bounds[bounds.size() - 2], least) << "the last has the head too";
    }
}

TEST(PipelineStages, ArePricedFromTimingsToo) {
  const std::string fields = R"("model": "llama-3.1-70b", "device": "h100")";
  const Priced one = with(fields + R"(, "tensor_parallel_size": 2)");
  const Priced four = with(fields + R"(, "tensor_parallel_size": 2, "pipeline_parallel_size": 4)");
  EXPECT_EQ(four.cost->provenance().kind, "imported");
  const StepShape shape = decodes(16, 2000);
  EXPECT_GT(four.ms(shape), one.ms(shape));
  EXPECT_LT(milliseconds(four.cost->price_stage(shape, 1)), one.ms(shape) / 3);
}

}  // namespace
}  // namespace kvsim
