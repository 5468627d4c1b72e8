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
  const KvBudget b = sized(R"({"model": "jamba-v0.1", "device": "h200"})", {64, 2048});
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

}  // namespace
}  // namespace kvsim
