// The sums over a model's layers are the published parameter counts, and its KV bytes the
// textbook's.
#include "sim/model/model_spec.h"

#include <gtest/gtest.h>

#include "sim/model/builtin_configs.h"
#include "sim/model/hf_config.h"

namespace kvsim {
namespace {

ModelSpec model(const std::string& name) {
  return parse_model(builtin_config("models", name).value(), name + ".json", name);
}

TEST(ModelSpec, CountsEveryParameterThatIsPublished) {
  for (const std::string& name : builtin_config_names("models")) {
    if (name == "deepseek-v3") continue;  // its card rounds
    const auto published =
        published_parameters(builtin_config("models", name).value(), name + ".json");
    ASSERT_TRUE(published.has_value()) << name;
    EXPECT_EQ(count_parameters(model(name)).total(), *published) << name;
  }
}

TEST(ModelSpec, CountsDeepSeekV3WithinItsRounding) {
  const ModelSpec m = model("deepseek-v3");
  EXPECT_NEAR(static_cast<double>(count_parameters(m).total()), 671e9, 0.5e9);
  // The card's 37 B active parameters, embedding included.
  EXPECT_NEAR(static_cast<double>(active_parameters(m)), 37e9, 0.6e9);
}

TEST(ModelSpec, ActivatesTheChosenExpertsOnly) {
  // Mixtral: 46.7 B in all, less 6 of the 8 experts (3 * 4096 * 14336 each) in 32 layers.
  EXPECT_EQ(active_parameters(model("mixtral-8x7b")),
            46'702'792'704 - std::int64_t{32} * 6 * 3 * 4096 * 14336);
  EXPECT_EQ(active_parameters(model("llama-2-7b")), 6'738'415'616);
}

TEST(ModelSpec, WeighsWhatItStores) {
  const ParameterCount p = count_parameters(model("llama-3-70b"));
  EXPECT_EQ(weight_bytes(p, DType::kBf16), Bytes(2 * 70'553'706'496));
  // fp8 keeps norms, embedding and head (2 * 128256 * 8192 + 161 * 8192) in 16 bits.
  const std::int64_t kept = std::int64_t{2} * 128256 * 8192 + std::int64_t{161} * 8192;
  EXPECT_EQ(weight_bytes(p, DType::kFp8), Bytes(70'553'706'496 + kept));
  const std::int64_t rest = 70'553'706'496 - kept;
  EXPECT_EQ(weight_bytes(p, DType::kInt4), Bytes(2 * kept + rest / 2 + rest / 128 * 2));
}

TEST(ModelSpec, ReadsTheStoredDtypeOfTheCheckpoint) {
  EXPECT_EQ(model("deepseek-v3").stored, DType::kFp8);
  EXPECT_EQ(model("deepseek-v3").activation, DType::kBf16);
  EXPECT_EQ(model("llama-2-7b").stored, DType::kFp16);
}

TEST(KvBytes, AreTheTextbooks) {
  const KvFormat wide{DType::kFp16, KvScales::kTensor};
  // 2 * 80 layers * 8 heads * 128 * 2 bytes; a prompt of 32K is 10 GiB.
  EXPECT_EQ(kv_token_bytes(model("llama-3-70b"), wide), Bytes(327'680));
  EXPECT_EQ(sequence_bytes(model("llama-3-70b"), wide, Tokens(32'768)),
            Bytes(std::int64_t{10} << 30));
  EXPECT_EQ(kv_token_bytes(model("llama-3.1-8b"), wide), Bytes(131'072));
  EXPECT_EQ(kv_token_bytes(model("opt-13b"), wide), Bytes(819'200));
}

TEST(KvBytes, ShrinkWithTheKvHeads) {
  // 64 query heads of 128 in fp16: 32,768 bytes per token and layer if each had its own K and V;
  // 8 KV heads need 4,096, one (multi-query) 512.
  ModelSpec m = model("llama-3-70b");
  const auto of_heads = [&m](std::int64_t heads) {
    m.attention.kv_heads = heads;
    return kv_layer_bytes(m, {DType::kFp16, KvScales::kTensor}).of_block(Tokens(1));
  };
  EXPECT_EQ(of_heads(64), Bytes(32'768));
  EXPECT_EQ(of_heads(8), Bytes(4'096));
  EXPECT_EQ(of_heads(1), Bytes(512));
}

TEST(KvBytes, OfLatentAttentionAreOneVectorOnEveryGpu) {
  const ModelSpec m = model("deepseek-v3");
  const KvFormat wide{DType::kBf16, KvScales::kTensor};
  EXPECT_EQ(kv_token_bytes(m, wide), Bytes(61 * (512 + 64) * 2));
  EXPECT_EQ(kv_token_bytes(m, wide, 8), kv_token_bytes(m, wide, 1));
}

TEST(KvBytes, AreCutByHeadsAndThenCopied) {
  const ModelSpec m = model("llama-3-70b");
  const KvFormat wide{DType::kFp16, KvScales::kTensor};
  EXPECT_EQ(kv_token_bytes(m, wide, 4), Bytes(327'680 / 4));
  EXPECT_EQ(kv_token_bytes(m, wide, 8), Bytes(327'680 / 8));
  EXPECT_EQ(kv_token_bytes(m, wide, 16), Bytes(327'680 / 8));
}

TEST(KvBytes, OfWindowedLayersStopGrowing) {
  const KvFormat wide{DType::kBf16, KvScales::kTensor};
  const ModelSpec gemma = model("gemma-2-9b");  // 21 of 42 layers see 4,096 tokens
  const std::int64_t layer = 2 * 8 * 256 * 2;
  EXPECT_EQ(sequence_bytes(gemma, wide, Tokens(8192)), Bytes(layer * 21 * (8192 + 4096)));
  EXPECT_EQ(sequence_bytes(gemma, wide, Tokens(1000)), Bytes(layer * 42 * 1000));
  const ModelSpec mistral = model("mistral-7b");
  EXPECT_EQ(sequence_bytes(mistral, wide, Tokens(32'768)),
            sequence_bytes(mistral, wide, Tokens(4096)));
}

TEST(KvBytes, OfAHybridAreItsAttentionLayersPlusAState) {
  const ModelSpec jamba = model("jamba-v0.1");
  EXPECT_EQ(jamba.attention_layers(), 4);
  EXPECT_EQ(jamba.layer_count(Mixer::kMamba), 28);
  const KvFormat wide{DType::kBf16, KvScales::kTensor};
  EXPECT_EQ(kv_token_bytes(jamba, wide), Bytes(4 * 2 * 8 * 128 * 2));
  // 28 layers: the last 3 inputs of the convolution and 16 states of 8192 channels, in bf16.
  EXPECT_EQ(state_bytes(jamba), Bytes(28 * 8192 * (3 + 16) * 2));
  EXPECT_EQ(sequence_bytes(jamba, wide, Tokens(100)), Bytes(100 * 16'384) + state_bytes(jamba));
}

TEST(KvBytes, OfQuantisedCachesCountTheirScales) {
  const ModelSpec m = model("llama-3.1-8b");  // 32 layers, 8 KV heads of 128
  const auto block = [&m](DType type, KvScales scales, std::int64_t bits = 16) {
    return kv_layer_bytes(m, {type, scales, bits}).of_block(Tokens(16));
  };
  const std::int64_t elements = 16 * 2 * 8 * 128;
  // One number for all of a layer's K and one for V lie beside the pool: 4 bytes each.
  EXPECT_EQ(block(DType::kFp8, KvScales::kTensor), Bytes(elements));
  EXPECT_EQ(kv_layer_bytes(m, {DType::kFp8, KvScales::kTensor}).fixed, Bytes(2 * 4));
  EXPECT_EQ(kv_layer_bytes(m, {DType::kInt4, KvScales::kTensor}).fixed, Bytes(2 * 2 * 4));
  // Per token and head, K and V; int4 with zero points.
  EXPECT_EQ(block(DType::kInt8, KvScales::kToken), Bytes(elements + 16 * 2 * 8 * 2));
  EXPECT_EQ(block(DType::kInt8, KvScales::kToken, 32), Bytes(elements + 16 * 2 * 8 * 4));
  EXPECT_EQ(block(DType::kInt4, KvScales::kToken), Bytes(elements / 2 + 2 * 16 * 2 * 8 * 2));
  // Per channel of K in the block, and per token and head of V.
  EXPECT_EQ(block(DType::kInt8, KvScales::kChannel), Bytes(elements + 8 * 128 * 2 + 16 * 8 * 2));
  EXPECT_EQ(block(DType::kInt4, KvScales::kChannel),
            Bytes(elements / 2 + 2 * (8 * 128 * 2 + 16 * 8 * 2)));
  // What is not quantised has no scales.
  EXPECT_EQ(block(DType::kBf16, KvScales::kToken), Bytes(2 * elements));
}

TEST(KvBytes, OfAQuantisedTokenCountItsScales) {
  const ModelSpec m = model("llama-3.1-8b");
  const auto token = [&m](DType type, std::int64_t bits) {
    return kv_token_bytes(m, {type, KvScales::kToken, bits});
  };
  EXPECT_EQ(token(DType::kBf16, 16), Bytes(131'072));
  EXPECT_EQ(token(DType::kInt8, 16), Bytes(65'536 + 2 * 32 * 8 * 2));
  EXPECT_EQ(token(DType::kInt8, 32), Bytes(65'536 + 2 * 32 * 8 * 4));
  EXPECT_EQ(token(DType::kFp8, 32), token(DType::kInt8, 32));
  EXPECT_EQ(token(DType::kInt4, 16), Bytes(32'768 + 2 * 2 * 32 * 8 * 2));
}

TEST(KvBytes, OfAQuantisedLatentHaveOneSide) {
  const ModelSpec m = model("deepseek-v3");  // 512 + 64 wide
  EXPECT_EQ(kv_layer_bytes(m, {DType::kInt8, KvScales::kToken}).of_block(Tokens(1)),
            Bytes(576 + 2));
  EXPECT_EQ(kv_layer_bytes(m, {DType::kInt8, KvScales::kChannel}).of_block(Tokens(16)),
            Bytes(16 * 576 + 576 * 2));
}

TEST(Sharding, CutsMatricesAndCopiesTheRest) {
  const ModelSpec m = model("llama-3-70b");
  const ParameterCount whole = count_parameters(m);
  const ParameterCount half = count_parameters(m, 2);
  EXPECT_EQ(half.feed_forward * 2, whole.feed_forward);
  EXPECT_EQ(half.attention * 2, whole.attention);
  EXPECT_EQ(half.norms, whole.norms);
  // Sixteen GPUs hold one KV head each, eight of them a copy.
  const ParameterCount sixteenth = count_parameters(m, 16);
  const std::int64_t copied = std::int64_t{80} * 2 * 8192 * 128;
  EXPECT_EQ(sixteenth.attention, std::int64_t{80} * 2 * 8192 * 8192 / 16 + copied);
}

TEST(Sharding, PipelinesHoldRunsOfLayers) {
  const ModelSpec m = model("llama-3-70b");
  const ParameterCount stage = count_parameters(m, Sharding{1, 4});
  EXPECT_EQ(stage.feed_forward * 4, count_parameters(m).feed_forward);
  EXPECT_LT(stage.total() * 3, count_parameters(m).total());
}

TEST(Sharding, SaysWhatCannotBeCut) {
  const ModelSpec m = model("qwen3-14b");  // 40 heads, 8 KV heads
  EXPECT_FALSE(sharding_problem(m, {8, 1}).has_value());
  EXPECT_EQ(sharding_problem(m, {16, 1}),
            "40 attention heads cannot be cut 16 ways; use a divisor of 40");
  EXPECT_EQ(sharding_problem(m, {5, 1}),
            "8 KV heads cannot be cut or copied 5 ways; use a divisor or multiple of 8");
}

}  // namespace
}  // namespace kvsim
