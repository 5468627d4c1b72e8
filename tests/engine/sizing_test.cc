// What is left for KV, and what is said when nothing is.
#include "sim/engine/sizing.h"

#include <gtest/gtest.h>

#include "sim/core/input_error.h"
#include "sim/engine/catalog.h"

namespace kvsim {
namespace {

KvBudget sized(const std::string& text, BatchLimits limits = {}) {
  const ConfigView config = ConfigView::parse(text, "a.json");
  return size_kv(load_model(config), load_device(config), config, limits);
}

std::string refusal(const std::string& text) {
  try {
    (void)sized(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Sizing, IsTheSubtractionThatVllmDoes) {
  const KvBudget b = sized(R"({"model": "llama-3.1-8b", "device": "h200", "runtime_gib": 2})");
  EXPECT_EQ(
      b.requested,
      Bytes(static_cast<std::int64_t>(std::ceil(static_cast<double>(b.total.value()) * 0.92))));
  EXPECT_EQ(b.weights, Bytes(2 * 8'030'261'248));
  EXPECT_EQ(b.available, b.requested - b.weights - Bytes(std::int64_t{2} << 30));
  EXPECT_EQ(b.per_token, Bytes(131'072));
  EXPECT_EQ(b.per_block, Bytes(16 * 131'072));
  EXPECT_EQ(b.blocks.value(), b.available.value() / b.per_block.value());
  EXPECT_EQ(b.capacity.value(), b.blocks.value() * 16);
}

TEST(Sizing, LadderAddsUp) {
  // With every layer in one table, the states of 64 sequences are set aside; otherwise they lie in
  // the pool.
  const KvBudget b = sized(
      R"({"model": "jamba-v0.1", "device": "h200", "cache": {"groups": "uniform"}})", {64, 2048});
  EXPECT_EQ(sized(R"({"model": "jamba-v0.1", "device": "h200"})", {64, 2048}).state, Bytes(0));
  std::int64_t left = 0;
  for (const LadderLine& line : b.ladder) {
    if (line.label == "usable") left = line.value;
    if (line.value < 0) left += line.value;
    if (line.label == "left for KV") {
      EXPECT_EQ(line.value, left);
    }
  }
  EXPECT_EQ(b.state, Bytes(64 * 28 * 8192 * 19 * 2));
}

TEST(Sizing, OverridesAreTakenAsSaid) {
  const KvBudget b = sized(
      R"({"model": "llama-3-70b", "device": "l4", "cache": {"num_gpu_blocks_override": 100}})");
  EXPECT_EQ(b.capacity, Tokens(1600));
}

TEST(Sizing, SaysWhatWouldFit) {
  EXPECT_EQ(refusal(R"({"model": "llama-3-70b", "device": "h100", "runtime_gib": 2})"),
            "a.json: /device: no room for KV on h100: 72.77 GiB usable - 131.42 weights - 2.00 "
            "runtime and state = -60.64 GiB per GPU; try tensor_parallel_size "
            "2, dtype fp8, or a larger device");
}

TEST(Sizing, RecommendsOnlyWhatHelps) {
  EXPECT_EQ(refusal(R"({"model": "llama-3.1-405b", "device": "h100", "runtime_gib": 2})"),
            "a.json: /device: no room for KV on h100: 72.77 GiB usable - 755.96 weights - 2.00 "
            "runtime and state = -685.19 GiB per GPU; try "
            "tensor_parallel_size 16, or a larger device");
}

TEST(Sizing, RefusesALengthThatNeverFits) {
  const std::string text =
      refusal(R"({"model": "llama-3.1-8b", "device": "l4", "runtime_gib": 2})");
  EXPECT_TRUE(text.starts_with("a.json: /max_model_len: one request of 131072 tokens does not fit"))
      << text;
}

TEST(Sizing, RefusesCutsThatLeaveNoWholeHeads) {
  EXPECT_EQ(refusal(R"({"model": "qwen3-14b", "tensor_parallel_size": 3})"),
            "a.json: /tensor_parallel_size: 40 attention heads cannot be cut 3 ways; use a divisor "
            "of 40");
  EXPECT_EQ(
      refusal(R"({"cache": {"kv_scales": "token"}})"),
      "a.json: /cache/kv_scales: 'token' needs a quantised cache, and kv_cache_dtype is bf16; "
      "set it to fp8, int8 or int4");
  EXPECT_EQ(refusal(R"({"max_model_len": 200000})"),
            "a.json: /max_model_len: expected at most 131072, the max_position_embeddings of "
            "llama-3.1-8b, got 200000");
}

TEST(Sizing, SmallerElementsHoldMoreTokens) {
  const Tokens wide = sized(R"({"model": "llama-3.1-8b"})").capacity;
  const Tokens fp8 = sized(R"({"cache": {"kv_cache_dtype": "fp8"}})").capacity;
  const Tokens int4 = sized(R"({"cache": {"kv_cache_dtype": "int4"}})").capacity;
  EXPECT_NEAR(static_cast<double>(fp8.value()), 2.0 * static_cast<double>(wide.value()), 32);
  EXPECT_NEAR(static_cast<double>(int4.value()), 4.0 * static_cast<double>(wide.value()), 64);
}

TEST(Sizing, CountsTheScalesOfAQuantisedCache) {
  // Llama-3.1-8B: 32 layers, 8 KV heads. Per layer 2 * 4 bytes beside the pool.
  const KvBudget tensor = sized(R"({"cache": {"kv_cache_dtype": "int8"}})");
  EXPECT_EQ(tensor.scales, Bytes(32 * 2 * 4));
  EXPECT_EQ(tensor.per_block, Bytes(16 * 65'536));
  const KvBudget token = sized(
      R"({"cache": {"kv_cache_dtype": "int8", "kv_scales": "token", "kv_scale_dtype": "fp32"}})");
  EXPECT_EQ(token.scales, Bytes());
  EXPECT_EQ(token.per_token, Bytes(65'536 + 2 * 32 * 8 * 4));
  EXPECT_EQ(token.per_block, Bytes(16 * (65'536 + 2 * 32 * 8 * 4)));
  EXPECT_EQ(token.blocks.value(), token.available.value() / token.per_block.value());
  EXPECT_EQ(token.available, tensor.available + tensor.scales);
}

TEST(Sizing, GroupsShareThePool) {
  // Gemma 2 9B: 21 windowed and 21 full layers of 8,192 bytes a token; a block holds 21 layers.
  const std::string uniform = R"({"model": "gemma-2-9b", "cache": {"groups": "uniform"}})";
  const std::string grouped = R"({"model": "gemma-2-9b", "cache": {"groups": "model"}})";
  const KvBudget one = sized(uniform);
  const KvBudget two = sized(grouped);
  EXPECT_EQ(one.layout.groups.size(), 1U);
  EXPECT_EQ(two.layout.groups.size(), 2U);
  EXPECT_EQ(two.per_block, Bytes(21 * 16 * 8192));
  EXPECT_EQ(one.per_block, two.per_block * 2);
  EXPECT_EQ(two.blocks.value(), two.available.value() / two.per_block.value());
  EXPECT_EQ(two.capacity, Tokens(two.blocks.value() * 16));
  // What vLLM's log would say.
  EXPECT_EQ(vllm_tokens(two.layout, two.blocks), Tokens(two.blocks.value() / 2 * 16));
}

TEST(Sizing, KeepsMambaStatesInThePoolIfGrouped) {
  const KvBudget b = sized(
      R"({"model": "jamba-v0.1", "device": "h200", "max_model_len": 65536,
          "cache": {"groups": "model"}})");
  EXPECT_EQ(b.state, Bytes());
  EXPECT_EQ(b.layout.block, Tokens(80));
  EXPECT_EQ(b.per_block, Bytes(4 * 80 * 4096));
}

TEST(Sizing, GroupsOnlyForAllocatorsThatKnowThem) {
  const KvBudget b =
      sized(R"({"model": "gemma-2-9b", "cache": {"groups": "model", "allocator": "radix"}})");
  EXPECT_EQ(b.layout.groups.size(), 1U);
}

TEST(Sizing, RefusesALengthWhoseGroupsNeverFit) {
  // 8,192 tokens: 512 blocks for the full layers and, as the prompt may come in one step, 513 for
  // the windowed ones.
  const auto with_gib = [](const std::string& runtime) {
    return refusal(R"({"model": "gemma-2-9b", "device": "l4", "dtype": "int4", "runtime_gib": )" +
                   runtime + R"(, "cache": {"groups": "model"}})");
  };
  EXPECT_EQ(with_gib("10"), "no error");
  EXPECT_TRUE(
      with_gib("12").starts_with("a.json: /max_model_len: one request of 8192 tokens does not fit"))
      << with_gib("12");
}

TEST(Sizing, SinksAndAWindowKeepASequenceConstant) {
  const KvBudget b = sized(R"({"cache": {"groups": "model", "sliding_window": 1024,
                                         "attention_sinks": 4}})");
  ASSERT_EQ(b.layout.groups.size(), 1U);
  EXPECT_EQ(b.layout.groups[0].kind, KvGroup::Kind::kSlidingWindow);
  EXPECT_EQ(b.layout.groups[0].sinks, Tokens(4));
  EXPECT_EQ(blocks_held(b.layout, Tokens(16'000)), Blocks(1 + 64));
  EXPECT_EQ(blocks_held(b.layout, Tokens(128'000)), Blocks(1 + 64));
}

TEST(Sizing, RefusesSinksWithoutAWindow) {
  EXPECT_EQ(refusal(R"({"cache": {"attention_sinks": 4}})"),
            "a.json: /cache/attention_sinks: llama-3.1-8b has no sliding window to put them "
            "before; set /cache/sliding_window too");
  EXPECT_EQ(refusal(R"({"model": "gemma-2-9b", "cache": {"attention_sinks": 4}})"), "no error");
}

}  // namespace
}  // namespace kvsim
