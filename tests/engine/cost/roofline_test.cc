// Prices: by hand where it can be done by hand, and never less for more work.
#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "tests/engine/cost/priced.h"

namespace kvsim {
namespace {

TEST(ConstantCost, IsThreeProducts) {
  const Priced p(R"({"cost": "constant", "constant_cost":
                     {"step_us": 1000, "prefill_token_ns": 10, "decode_us": 2}})");
  StepShape shape = decodes(3, 100);
  shape.add_prefill(Tokens(0), Tokens(50), {});
  EXPECT_EQ(p.cost->price(shape), Duration(1'000'000 + 50 * 10 + 3 * 2000));
  EXPECT_EQ(p.cost->provenance().kind, "exact");
}

TEST(ConstantCost, NeverStopsTime) {
  const Priced p(R"({"cost": "constant", "constant_cost":
                     {"step_us": 0, "prefill_token_ns": 0, "decode_us": 0}})");
  EXPECT_EQ(p.cost->price(decodes(1, 1)), Duration(1));
}

TEST(Roofline, ReadsTheWeightsOnceAStep) {
  // Llama-3.1-8B on an H200: 15.0 GB of weights (all but the embedding) at 77 % of 4.8 TB/s is
  // 4.06 ms; with launch floors and no host time a lone decode takes 4.0 to 4.8 ms.
  const Priced p(R"({"cost": "roofline", "host": {"step_us": 0, "sequence_us": 0}})");
  EXPECT_GT(milliseconds(p.cost->price(decodes(1, 128))), 4.0);
  EXPECT_LT(milliseconds(p.cost->price(decodes(1, 128))), 4.8);
}

// A copy reads and writes device memory; a swap crosses the host link. 131,072 bytes a token.
TEST(Roofline, PricesCopiesAndSwapsByTheirBytes) {
  const Priced p(R"({"cost": "roofline", "host": {"copy_us": 0}})");
  const StepShape plain = decodes(4, 100);
  StepShape copying = plain;
  copying.copied_blocks = 1000;
  copying.copied_tokens = Tokens(16'000);
  StepShape swapping = plain;
  swapping.swapped_tokens = Tokens(16'000);
  const auto more = [&](const StepShape& shape) {
    return milliseconds(p.cost->price(shape) - p.cost->price(plain));
  };
  EXPECT_NEAR(more(copying), 2 * 16'000.0 * 131072 / 4.8e12 * 1e3, 1e-5);
  EXPECT_NEAR(more(swapping), 16'000.0 * 131072 / p.device.link.host_bandwidth * 1e3, 1e-5);
}

TEST(Roofline, ReadsTheKvOfEveryDecode) {
  // 64 sequences of 4,096 tokens: 34.4 GB of KV at 90 % of 4.8 TB/s is 7.95 ms more than without.
  const Priced p(R"({"cost": "roofline"})");
  const double more =
      milliseconds(p.cost->price(decodes(64, 4096)) - p.cost->price(decodes(64, 1)));
  EXPECT_NEAR(more, 64.0 * 4095 * 131072 / (0.9 * 4.8e12) * 1e3, 0.01);
}

TEST(Roofline, ComputesLongPromptsAtThePeakShare) {
  // 8,192 tokens through 6.98 G weights at 76 % of 989.4 TFLOP/s: 152 ms. 33.6 M pairs * 16,384
  // FLOP * 32 layers at 57 %: 31 ms. Norms and activations, 8,192 * 32 * 152 KB at 4.3 TB/s: 9 ms.
  const Priced p(R"({"cost": "roofline"})");
  StepShape shape;
  shape.add_prefill(Tokens(0), Tokens(8192), {});
  EXPECT_NEAR(milliseconds(p.cost->price(shape)), 193, 2);
}

TEST(Roofline, ChargesAllReducesOnlyBetweenGpus) {
  const Priced one(R"({"cost": "roofline", "model": "llama-3.1-8b", "tensor_parallel_size": 1})");
  const Priced two(R"({"cost": "roofline", "model": "llama-3.1-8b", "tensor_parallel_size": 2})");
  const Priced eight(R"({"cost": "roofline", "model": "llama-3.1-8b", "tensor_parallel_size": 8})");
  const StepShape shape = decodes(8, 1000);
  EXPECT_LT(two.cost->price(shape), one.cost->price(shape));
  EXPECT_LT(eight.cost->price(shape), two.cost->price(shape));
  EXPECT_GT(eight.cost->price(shape) * 8, one.cost->price(shape)) << "no better than linear";
}

TEST(Roofline, WindowsCapWhatALayerReads) {
  const Priced p(R"({"cost": "roofline", "model": "mistral-7b"})");
  const LocalSpan local = p.model.local;
  EXPECT_EQ(p.cost->price(decodes(4, 30'000, local)), p.cost->price(decodes(4, 5'000, local)));
}

TEST(Roofline, SinksAndAWindowCapAnyModel) {
  const Priced p(
      R"({"cost": "roofline", "cache": {"sliding_window": 1020, "attention_sinks": 4}})");
  const LocalSpan local = p.model.local;
  EXPECT_EQ(local.visible(Tokens(1000)), Tokens(1000));
  EXPECT_EQ(local.visible(Tokens(100'000)), Tokens(1024));
  EXPECT_EQ(p.cost->price(decodes(4, 100'000, local)), p.cost->price(decodes(4, 1024, local)));
  EXPECT_LT(p.cost->price(decodes(4, 1000, local)), p.cost->price(decodes(4, 1024, local)));
  const Priced whole(R"({"cost": "roofline"})");
  EXPECT_EQ(whole.cost->price(decodes(4, 1024)), p.cost->price(decodes(4, 1024, local)));
}

TEST(Roofline, ReadsTheScalesOfAQuantisedCache) {
  const auto price = [](const std::string& cache) {
    const Priced p(R"({"cost": "roofline", "cache": {"kv_cache_dtype": "int8", )" + cache + "}}");
    return p.cost->price(decodes(64, 32'000));
  };
  const Duration tensor = price(R"("kv_scales": "tensor")");
  const Duration token = price(R"("kv_scales": "token", "kv_scale_dtype": "fp32")");
  // 64 bytes more to read for every 2,048 of a token's layer.
  const Priced int8(R"({"cost": "roofline", "cache": {"kv_cache_dtype": "int8"}})");
  const double read = seconds(tensor - int8.cost->price(decodes(64, 1)));
  EXPECT_NEAR(seconds(token - tensor), read / 32, read * 1e-3);
  EXPECT_GT(price(R"("kv_scales": "channel")"), tensor);
}

TEST(Roofline, SmallBatchesTouchFewExperts) {
  const Priced p(R"({"cost": "roofline", "model": "mixtral-8x7b"})");
  const double one = seconds(p.cost->price(decodes(1, 100)));
  const double many = seconds(p.cost->price(decodes(64, 100)));
  EXPECT_GT(many, 2.5 * one);
}

TEST(Roofline, SaysWhereItComesFrom) {
  const CostProvenance from =
      Priced(R"({"cost": "roofline", "device": "h100"})").cost->provenance();
  EXPECT_EQ(from.kind, "roofline");
  EXPECT_EQ(from.profile,
            "h100: 3015 GB/s decode, 2747 GB/s weights, 792 TFLOP/s linear, 584 TFLOP/s prefill, "
            "500 us host");
  EXPECT_LT(from.holdout_error, 0);
}

/// A random shape, and the same with one more sequence (or a sample) in it.
void grow(StepShape& shape, Rng& rng, const LocalSpan& local) {
  const auto upto = [&rng](std::uint64_t n) { return static_cast<std::int64_t>(rng.below(n)) + 1; };
  switch (rng.below(3)) {
    case 0:
      shape.add_decode(Tokens(upto(100'000)), local);
      return;
    case 1:
      shape.add_prefill(Tokens(upto(50'000)), Tokens(upto(8192)), local);
      return;
    default:
      ++shape.samples;
  }
}

TEST(CostModels, NeverChargeLessForMore) {
  for (const std::string cost : {"roofline", "constant"}) {
    for (const std::string model : {"llama-3.1-8b", "mixtral-8x7b", "deepseek-v3", "gemma-2-9b",
                                    "jamba-v0.1", "llama-4-scout"}) {
      const Priced p(fmt::format(R"({{"cost": "{}", "model": "{}"}})", cost, model));
      Rng rng(7, cost + model);
      for (int run = 0; run < 20; ++run) {
        StepShape shape = decodes(1, 1, p.model.local);
        Duration last = p.cost->price(shape);
        for (int i = 0; i < 40; ++i) {
          grow(shape, rng, p.model.local);
          const Duration now = p.cost->price(shape);
          ASSERT_GE(now, last) << cost << ' ' << model;
          last = now;
        }
      }
    }
  }
}

}  // namespace
}  // namespace kvsim
