// Groups, pages and padding as vLLM forms them, and what uniform paging would waste (Jenga).
#include "sim/model/kv_layout.h"

#include <gtest/gtest.h>

#include "sim/model/builtin_configs.h"
#include "sim/model/hf_config.h"

namespace kvsim {
namespace {

ModelSpec model(const std::string& name) {
  return parse_model(builtin_config("models", name).value(), name + ".json", name);
}

LayoutPlan plan(std::int64_t block, KvGroup::MambaMode mamba = KvGroup::MambaMode::kNone) {
  LayoutPlan p;
  p.block = Tokens(block);
  p.max_model_len = Tokens(100'000);
  p.mamba = mamba;
  return p;
}

/// A model of small attention layers; 'f' keeps everything, 'w' a window of 8, 'c' chunks of 8.
ModelSpec pattern(const std::string& kinds) {
  ModelSpec m = model("llama-3.1-8b");
  m.layers.clear();
  for (const char kind : kinds)
    m.layers.push_back({kind == 'f' ? Mixer::kAttention : Mixer::kLocal});
  m.local.window = Tokens(8);
  return m;
}

TEST(KvLayout, OfAPlainModelIsOneGroupOfAllLayers) {
  const KvLayout grouped = grouped_layout(model("llama-3.1-8b"), plan(16));
  const KvLayout uniform = uniform_layout(model("llama-3.1-8b"), plan(16));
  EXPECT_EQ(grouped.groups, uniform.groups);
  EXPECT_EQ(grouped.layers, std::vector<std::int64_t>{32});
  EXPECT_EQ(grouped.block_bytes(), Bytes(16 * 131'072));
  EXPECT_EQ(uniform.block_bytes(), grouped.block_bytes());
  EXPECT_EQ(grouped.padding(), 0);
}

TEST(KvLayout, SplitsKindsIntoGroupsOfTheRarestsSize) {
  // Ten full and twenty windowed layers: three groups of ten (vLLM's own example).
  std::string kinds;
  for (int i = 0; i < 10; ++i) kinds += "fww";
  const KvLayout layout = grouped_layout(pattern(kinds), plan(16));
  EXPECT_EQ(layout.layers, (std::vector<std::int64_t>{10, 10, 10}));
  EXPECT_EQ(layout.groups[0].kind, KvGroup::Kind::kFull);
  EXPECT_EQ(layout.groups[1].kind, KvGroup::Kind::kSlidingWindow);
  EXPECT_EQ(layout.groups[1], layout.groups[2]);
  EXPECT_EQ(layout.groups[1].window, Tokens(8));
  EXPECT_EQ(layout.page, Bytes(16 * 4096));
  EXPECT_EQ(layout.block_bytes(), Bytes(10 * 16 * 4096));
}

TEST(KvLayout, PadsTheLastGroup) {
  // Two full and three windowed: 3 is not less than 1.5 * 2, so groups of two; the third windowed
  // layer has a group of its own, half empty.
  const KvLayout layout = grouped_layout(pattern("fwfww"), plan(16));
  EXPECT_EQ(layout.layers, (std::vector<std::int64_t>{2, 2, 1}));
  EXPECT_NEAR(layout.padding(), 1.0 / 6, 1e-12);
}

TEST(KvLayout, PadsTheRarerKindIfThatIsLittle) {
  // Twelve windowed, thirteen full (gpt-oss-20b with a drafter): two groups of thirteen.
  std::string kinds = "f";
  for (int i = 0; i < 12; ++i) kinds += "wf";
  const KvLayout layout = grouped_layout(pattern(kinds), plan(16));
  EXPECT_EQ(layout.group_layers, 13);
  EXPECT_EQ(layout.layers, (std::vector<std::int64_t>{13, 12}));
}

TEST(KvLayout, StagesOfAPipelineHoldTheirShareOfEveryGroup) {
  LayoutPlan p = plan(16);
  p.shards.pipeline = 2;
  const KvLayout layout = grouped_layout(model("gemma-2-9b"), p);
  EXPECT_EQ(layout.group_layers, 21);
  EXPECT_EQ(layout.slots, 11);
}

TEST(KvLayout, AttentionBlocksGrowUntilAMambaStateFits) {
  // Jamba: a state of 8192 * (3 + 16) bf16 = 311,296 bytes; attention takes 4,096 a token, so 76
  // tokens, or 80 when aligned to 16.
  const KvLayout layout = grouped_layout(model("jamba-v0.1"), plan(16));
  EXPECT_EQ(layout.state, Bytes(311'296));
  EXPECT_EQ(layout.block, Tokens(80));
  EXPECT_EQ(layout.page, Bytes(80 * 4096));
  // 28 Mamba layers and 4 of attention: seven groups and one, the first kind first.
  ASSERT_EQ(layout.groups.size(), 8U);
  EXPECT_EQ(layout.group_layers, 4);
  EXPECT_EQ(layout.groups[0].kind, KvGroup::Kind::kMamba);
  EXPECT_EQ(layout.groups[7].kind, KvGroup::Kind::kFull);
  EXPECT_NEAR(layout.padding(), 7.0 / 8 * 4 / 80, 1e-12);
  // A larger block_size is kept.
  EXPECT_EQ(grouped_layout(model("jamba-v0.1"), plan(128)).block, Tokens(128));
}

TEST(KvLayout, MambaStatesLastForASequenceOrABlock) {
  const auto group = [](KvGroup::MambaMode mode) {
    return grouped_layout(model("jamba-v0.1"), plan(16, mode)).groups[0];
  };
  EXPECT_EQ(group(KvGroup::MambaMode::kNone).block, Tokens(100'000));
  EXPECT_EQ(group(KvGroup::MambaMode::kAlign).block, Tokens(80));
  EXPECT_EQ(blocks_held(group(KvGroup::MambaMode::kNone), Tokens(1000)), Blocks(1));
  EXPECT_EQ(blocks_held(group(KvGroup::MambaMode::kAlign), Tokens(1000)), Blocks(1));
  EXPECT_EQ(blocks_held(group(KvGroup::MambaMode::kAll), Tokens(1000)), Blocks(13));
}

KvGroup windowed(std::int64_t block, std::int64_t window, std::int64_t sinks = 0) {
  KvGroup group;
  group.kind = KvGroup::Kind::kSlidingWindow;
  group.block = Tokens(block);
  group.window = Tokens(window);
  group.sinks = Tokens(sinks);
  return group;
}

TEST(BlocksHeld, OfAWindowLoseWholeBlocksThatLeftIt) {
  const KvGroup group = windowed(4, 8);
  EXPECT_EQ(blocks_held(group, Tokens(8)), Blocks(2));
  // Token 9 sees 2 ... 9: the first block, with token 1 only outside, stays.
  EXPECT_EQ(blocks_held(group, Tokens(9)), Blocks(3));
  EXPECT_EQ(blocks_held(group, Tokens(12)), Blocks(2));
}

TEST(BlocksHeld, OfSinksAndWindowStopGrowing) {
  const KvGroup group = windowed(16, 1024, 4);
  for (std::int64_t length = 1; length < 20'000; ++length)
    ASSERT_LE(blocks_held(group, Tokens(length)), Blocks(1 + 64 + 1)) << length;
  EXPECT_EQ(blocks_held(group, Tokens(16 * 1000)), Blocks(1 + 64));
  // Never more than there are.
  EXPECT_EQ(blocks_held(group, Tokens(1028)), Blocks(65));
}

TEST(BlocksHeld, OfAChunkStartAnew) {
  KvGroup group;
  group.kind = KvGroup::Kind::kChunkedLocal;
  group.block = Tokens(4);
  group.chunk = Tokens(8);
  EXPECT_EQ(blocks_held(group, Tokens(8)), Blocks(2));
  EXPECT_EQ(blocks_held(group, Tokens(9)), Blocks(1));
  EXPECT_EQ(blocks_held(group, Tokens(16)), Blocks(2));
}

TEST(BlocksHeld, AreNeverMoreThanTheMost) {
  const ModelSpec m = model("gemma-2-9b");
  const KvLayout layout = grouped_layout(m, plan(16));
  for (std::int64_t length = 1; length < 10'000; length += 7)
    ASSERT_LE(blocks_held(layout, Tokens(length)), most_blocks(layout, Tokens(length), Tokens(1)));
}

// Jenga (arXiv 2503.18292) computes these three from the models' layers.
TEST(UniformWaste, IsJengasForGemma2) {
  // Every other layer keeps 4,096 of 8,192 tokens.
  EXPECT_DOUBLE_EQ(uniform_waste(model("gemma-2-9b"), Tokens(8192), Tokens()), 0.25);
}

TEST(UniformWaste, IsJengasForMinistral) {
  // 27 of 36 layers keep 32,768 of 131,072 tokens.
  EXPECT_DOUBLE_EQ(uniform_waste(model("ministral-8b"), Tokens(131'072), Tokens()), 0.5625);
}

TEST(UniformWaste, IsJengasForLlama32Vision) {
  // 32 layers keep the text, 8 the image, of a request of the paper's mean lengths (MMMU-pro).
  const double waste = uniform_waste(model("llama-3.2-11b-vision"), Tokens(43), Tokens(6193));
  EXPECT_DOUBLE_EQ(waste, 1 - (32.0 * 43 + 8.0 * 6193) / (40.0 * (43 + 6193)));
  EXPECT_NEAR(waste, 0.796, 0.0005);
}

TEST(KvLayout, KeepsImageTokensInGroupsOfTheirOwn) {
  // 32 layers of text in four groups, 8 of the image in one.
  const KvLayout layout = grouped_layout(model("llama-3.2-11b-vision"), plan(16));
  EXPECT_EQ(layout.layers, (std::vector<std::int64_t>{8, 8, 8, 8}));
  EXPECT_EQ(layout.cross_groups, 1);
  EXPECT_EQ(blocks_held(layout, Tokens(43), Tokens(6193)), Blocks(4 * 3 + 388));
}

TEST(KvLayout, IsThatOfTheModelsThatMixLayers) {
  const auto shape = [](const std::string& name) {
    return grouped_layout(model(name), plan(16)).layers;
  };
  const auto equal = [](std::size_t groups, std::int64_t layers) {
    return std::vector<std::int64_t>(groups, layers);
  };
  EXPECT_EQ(shape("gpt-oss-20b"), equal(2, 12));
  EXPECT_EQ(shape("llama-4-scout"), equal(4, 12));
  EXPECT_EQ(shape("ministral-8b"), equal(4, 9));
  EXPECT_EQ(shape("granite-4.0-h-small"), equal(10, 4));
  EXPECT_EQ(shape("mistral-7b"), equal(1, 32));
  // Gemma 3 1B: 22 windowed layers and 4 full ones.
  EXPECT_EQ(shape("gemma-3-1b"), (std::vector<std::int64_t>{4, 4, 4, 4, 3, 3, 4}));
}

TEST(KvLayout, CountsTheStateOfMamba2) {
  // Granite 4: the last 3 inputs of 8192 + 2 * 128 channels and 128 states of 8192, in bf16: as
  // much as 524.4 tokens of attention.
  const KvLayout layout = grouped_layout(model("granite-4.0-h-small"), plan(16));
  EXPECT_EQ(layout.state, Bytes(2 * (3 * 8448 + 128 * 8192)));
  EXPECT_EQ(layout.block, Tokens(528));
}

TEST(UniformWaste, IsNothingForAPlainModelOrAShortRequest) {
  EXPECT_EQ(uniform_waste(model("llama-3.1-8b"), Tokens(100'000), Tokens()), 0);
  EXPECT_EQ(uniform_waste(model("gemma-2-9b"), Tokens(4096), Tokens()), 0);
}

}  // namespace
}  // namespace kvsim
