// Whole steps priced from timings of kernels, against data sheets, real servers and by hand.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/input_error.h"
#include "sim/core/rng.h"
#include "sim/model/builtin_configs.h"
#include "tests/engine/cost/priced.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

constexpr const char* kNoHost = R"(, "host": {"step_us": 0, "sequence_us": 0}})";

TEST(AutoCost, TakesTimingsWhereThereAreSome) {
  const auto kind = [](const std::string& device) {
    return Priced(R"({"device": ")" + device + R"("})").cost->provenance().kind;
  };
  for (const std::string device : {"h200", "h100", "a100-80gb", "b200", "l40s"})
    EXPECT_EQ(kind(device), "imported") << device;
  for (const std::string device : {"a10", "l4", "rtx-4090", "a100-40gb"})
    EXPECT_EQ(kind(device), "roofline") << device;
}

TEST(ImportedCost, NamesItsSourceAndItsError) {
  const CostProvenance from = Priced(R"({"device": "h100"})").cost->provenance();
  EXPECT_EQ(from.profile.substr(0, 14), "h100-imported ");
  EXPECT_NE(from.profile.find("NVIDIA aiconfigurator (Apache-2.0), vLLM 0.24.0"),
            std::string::npos);
  EXPECT_GT(from.holdout_error, 0);
  EXPECT_LT(from.holdout_error, 0.04);
}

// Qwen3-14B in bf16 on one H100: 27.7 GB of weights but the embedding, in 40 layers, at 2.5 to 2.9
// TB/s (what published GEMMs of these sizes reach): 9.6 to 11.1 ms, and 40 attentions and 120 small
// kernels of 10 and 2 us. A server (vLLM 0.23, about three at a time) took 12.3 ms a token, prompts
// of others in between.
TEST(ImportedCost, DecodesQwen14BAsServersDo) {
  const std::string qwen = R"({"model": "qwen3-14b", "device": "h100")";
  const Priced kernels(qwen + kNoHost);
  EXPECT_NEAR(kernels.ms(decodes(1, 1050)), 11, 0.6);
  EXPECT_NEAR(kernels.ms(decodes(4, 1050)), 11, 0.6);
  // Two prompts of about 1,000 tokens a second take 8 % of the time away: 12.3 * 0.92 = 11.3.
  EXPECT_NEAR(Priced(qwen + "}").ms(decodes(3, 1050)), 11.3, 0.4);
}

// A 986-token prompt: 2 * 13.2 G weights * 986 = 26 TFLOP; GEMMs of some 1,000 rows reach 60 to
// 80 % of 989 TFLOP/s: 33 to 44 ms, and attention and small kernels on top.
TEST(ImportedCost, PrefillsQwen14BAtTheSpeedOfGemms) {
  const Priced p(std::string(R"({"model": "qwen3-14b", "device": "h100")") + kNoHost);
  EXPECT_GT(p.ms(prompt(0, 986)), 33);
  EXPECT_LT(p.ms(prompt(0, 986)), 44 + 4);
}

// Llama-3-8B on an H200, 64 sequences: 270.9 us of attention a layer over 4,096 tokens each, 490.8
// over 8,192, in the published table (vLLM 0.24).
TEST(ImportedCost, PutsAPublishedRowIntoEveryLayer) {
  const Priced p(R"({"model": "llama-3.1-8b", "device": "h200"})");
  const double more = p.ms(decodes(64, 8192)) - p.ms(decodes(64, 4096));
  EXPECT_NEAR(more, 32 * (490.8 - 270.9) * 1e-3, 0.01);
}

// An idle-size H200 step: GEMMs of one row at the published 2.9 to 4.3 TB/s read 15 GB in 3.5 to
// 5.2 ms; 32 attentions take at least 8.5 us, 96 small kernels 2 us.
TEST(ImportedCost, ReadsTheWeightsOnceAStep) {
  const Priced p(std::string(R"({"model": "llama-3.1-8b")") + kNoHost);
  EXPECT_GT(p.ms(decodes(1, 100)), 3.5 + 32 * 8.5e-3 + 96 * 2e-3);
  EXPECT_LT(p.ms(decodes(1, 100)), 5.2 + 32 * 12e-3 + 96 * 2e-3);
}

// Two all-reduces in each of 80 layers; at 8 GPUs and 16 KB the published time is 5.15 us.
TEST(ImportedCost, ReducesAcrossGpus) {
  const auto ms = [](int gpus) {
    return Priced(fmt::format(R"({{"model": "llama-3.1-70b", "tensor_parallel_size": {}}})", gpus))
        .ms(decodes(1, 100));
  };
  EXPECT_LT(ms(4), ms(2));
  EXPECT_LT(ms(8), ms(4));
  // Perfect scaling plus 160 all-reduces is a lower bound of eight GPUs.
  const double alone =
      Priced(std::string(R"({"model": "llama-3.1-70b")") + kNoHost).ms(decodes(1, 100));
  EXPECT_GT(ms(8), alone / 8 + 160 * 5.0e-3);
}

TEST(ImportedCost, BorrowsTheNearestHeadsAndSaysSo) {
  // Llama-2-7B has 32 KV heads, the decode table 8 at most: four times as many sequences of 8.
  const Priced p(R"({"model": "llama-2-7b", "device": "h100"})");
  const double read = p.ms(decodes(16, 4096)) - p.ms(decodes(16, 1024));
  // Published for 64 sequences of 8/8 heads: 353.7 us over 4,096 tokens each, 103.5 over 1,024.
  EXPECT_NEAR(read, 32 * (353.7 - 103.5) * 1e-3, 0.02);
  const CostProvenance from = p.cost->provenance();
  EXPECT_NE(from.profile.find("decode after heads 8/8/128 bf16"), std::string::npos)
      << from.profile;
  EXPECT_EQ(from.steps_outside, 2);
  const Priced known(R"({"model": "llama-3.1-8b", "device": "h100"})");
  (void)known.ms(decodes(16, 4096));
  EXPECT_EQ(known.cost->provenance().steps_outside, 0);
  (void)known.ms(decodes(1, 1'000'000));
  EXPECT_EQ(known.cost->provenance().steps_outside, 1) << "no such context was timed";
}

TEST(ImportedCost, LeavesToTheRooflineWhatNobodyTimed) {
  const auto profile = [](const std::string& text) {
    return Priced(text).cost->provenance().profile;
  };
  EXPECT_NE(profile(R"({"model": "deepseek-v3", "tensor_parallel_size": 8})")
                .find("MLA by roofline, experts by roofline"),
            std::string::npos);
  EXPECT_NE(profile(R"({"model": "jamba-v0.1"})").find("Mamba by roofline"), std::string::npos);
  EXPECT_NE(
      profile(R"({"cache": {"kv_cache_dtype": "int8"}})").find("decode after heads 32/8/128 fp8"),
      std::string::npos);
  EXPECT_NE(profile(R"({"dtype": "int4"})").find("int4 matrices by roofline"), std::string::npos);
}

TEST(ImportedCost, HalvesNothingButTheKvWithFp8) {
  const std::string cache = R"({"cache": {"kv_cache_dtype": "fp8"}, "device": "h200"})";
  const double wide = Priced(R"({"device": "h200"})").ms(decodes(64, 8192));
  const double narrow = Priced(cache).ms(decodes(64, 8192));
  // FlashAttention-3 gains only 1.1 to 1.4 times from FP8 KV (published), where bytes say 2.
  EXPECT_LT(narrow, wide);
  EXPECT_GT(narrow, 0.55 * wide);
}

/// A random shape, and the same with one more sequence in it.
StepShape random_shape(Rng& rng, const LocalSpan& local) {
  const auto upto = [&rng](std::uint64_t n) { return static_cast<std::int64_t>(rng.below(n)) + 1; };
  StepShape shape;
  for (std::int64_t i = upto(60); i > 0; --i) shape.add_decode(Tokens(upto(20'000)), local);
  for (std::int64_t i = upto(3); i > 1; --i)
    shape.add_prefill(Tokens(upto(20'000)), Tokens(upto(4096)), local);
  shape.samples = shape.decodes;
  return shape;
}

StepShape twice(StepShape shape) {
  StepShape doubled = shape;
  doubled.decodes *= 2;
  doubled.prefills *= 2;
  doubled.samples *= 2;
  doubled.decode_context += shape.decode_context;
  doubled.decode_pairs *= 2;
  doubled.prefill_new += shape.prefill_new;
  doubled.prefill_context += shape.prefill_context;
  doubled.prefill_pairs *= 2;
  doubled.local_decode_context += shape.local_decode_context;
  doubled.local_decode_pairs *= 2;
  doubled.local_prefill_context += shape.local_prefill_context;
  doubled.local_prefill_pairs *= 2;
  for (std::int32_t& count : doubled.decode_contexts) count *= 2;
  return doubled;
}

// Timings are not monotone to the last sequence: kernels change tiles and splits. Twice the work
// never costs less, and never more than twice as much and an edge of tiles.
TEST(ImportedCost, ChargesMoreForTwiceTheWork) {
  for (const std::string device : {"h200", "h100", "a100-80gb", "b200", "l40s"})
    for (const std::string model : {"llama-3.1-8b", "mixtral-8x7b", "gemma-3-1b", "gemma-2-9b",
                                    "opt-13b", "jamba-v0.1", "gpt-oss-20b", "qwen3-14b"}) {
      const Priced p(fmt::format(R"({{"device": "{}", "model": "{}"}})", device, model));
      Rng rng(3, device + model);
      for (int run = 0; run < 40; ++run) {
        const StepShape shape = random_shape(rng, p.model.local);
        const double once = p.ms(shape);
        const double doubled = p.ms(twice(shape));
        ASSERT_GT(doubled, once) << device << ' ' << model;
        ASSERT_LT(doubled, 2.5 * once) << device << ' ' << model;
      }
    }
}

// Beyond the tables physics goes on: no cliff, no free lunch.
TEST(ImportedCost, GoesOnBeyondItsEdges) {
  const Priced p(R"({"device": "h100"})");
  const double before = p.ms(decodes(64, 100'000)) - p.ms(decodes(64, 50'000));
  const double beyond = p.ms(decodes(64, 400'000)) - p.ms(decodes(64, 350'000));
  EXPECT_NEAR(beyond / before, 1, 0.1);
  EXPECT_NEAR(p.ms(prompt(0, 120'000)) / p.ms(prompt(0, 60'000)), 3, 1.2);
}

std::string error_of(const std::string& text) {
  try {
    const Priced p(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TableCost, SaysWhichProfileIsMissing) {
  EXPECT_EQ(error_of(R"({"device": "l4", "cost": "imported"})"),
            "a.json: /cost: no imported cost profile of 'l4'; use auto or roofline, or name one in "
            "/cost_profile");
  EXPECT_EQ(error_of(R"({"cost": "calibrated"})"),
            "a.json: /cost: no measured cost profile of 'h200'; use auto or roofline, or name one "
            "in /cost_profile");
}

// A profile as kvsim-calibrate would write it, made up: attention of a kernel that reads at 4 TB/s
// in all and 40 GB/s at each of 100 places, after 5 us; GEMMs at 4 TB/s and 800 TFLOP/s.
std::string measured_profile(double all_reduce_us = 0) {
  const nlohmann::ordered_json profile = {
      {"schema_version", 1},
      {"source", "measured"},
      {"origin", "made up"},
      {"device", {{"name", "h200"}}},
      {"holdout", {{"large_decode", {{"median", 0.02}}}}},
      {"forms", nlohmann::ordered_json::object()},
      {"grids",
       {{"decode", {{"op", "decode"}, {"form", "planner"}, {"u", {1e6, 1e9}}, {"v", {1, 100}}}}}},
      {"families",
       {{{"grid", "decode"},
         {"heads", {32, 8, 128}},
         {"kv_dtype", "bf16"},
         // floor, merge floor, byte, wave, merge doubling, sequence, page, busiest byte
         {"coefficients", {5, 0, 2.5e-7, 0, 0, 0, 0, 2.5e-5}},
         {"exponent", 8},
         {"planner",
          {{"page_tokens", 16},
           {"resident", 100},
           {"tile_tokens", 64},
           {"max_splits", 128},
           {"item_overhead", 2},
           {"split_overhead", 0.2}}},
         {"permille", {1000, 1000, 1000, 1000}},
         {"hull_tokens", 1e7}}}},
      {"gemm",
       {{{"dtype", "bf16"},
         {"coefficients", {1, 2.5e-7, 1.25e-9, 0}},
         {"m", {1, 8192}},
         {"n", {1024, 65536}},
         {"k", {1024, 65536}},
         {"permille", {{1000, 1000, 1000, 1000}, {1000, 1000, 1000, 1000}}}}}},
      {"all_reduce",
       {{{"gpus", 2}, {"lines_us", {all_reduce_us, 0, all_reduce_us, 0}}},
        {{"gpus", 8}, {"lines_us", {all_reduce_us, 0, all_reduce_us, 0}}}}}};
  static const ScratchFolder folder;  // tests run side by side
  return folder.with(fmt::format("measured_{}.json", all_reduce_us), profile.dump());
}

TEST(TableCost, ReducesTwiceALayer) {
  for (const int gpus : {2, 4, 8}) {
    const auto ms = [gpus](double us) {
      return Priced(fmt::format(R"({{"cost_profile": "{}", "tensor_parallel_size": {}}})",
                                measured_profile(us), gpus))
          .ms(decodes(3, 100));
    };
    EXPECT_NEAR(ms(1000) - ms(0), 2 * 32 * 1.0, 1e-4) << gpus;
  }
}

TEST(ImportedCost, ReadsNoMoreThanAWindow) {
  // Every layer of Mistral-7B sees 4,096 tokens.
  const Priced p(R"({"model": "mistral-7b"})");
  const LocalSpan local = p.model.local;
  EXPECT_EQ(p.ms(decodes(64, 30'000, local)), p.ms(decodes(64, 5'000, local)));
  EXPECT_EQ(p.ms(decodes(64, 30'000, local)),
            Priced(R"({"model": "mistral-7b"})").ms(decodes(64, 4096, local)));
  // 64 * 3,996 tokens of 131,072 bytes more than 100 each: 33.5 GB, at least 7.0 ms.
  EXPECT_GT(p.ms(decodes(64, 5'000, local)) - p.ms(decodes(64, 100, local)), 33.5 / 4.8);
}

TEST(CalibratedCost, PricesThePlannedKernel) {
  const std::string file = R"("cost_profile": ")" + measured_profile() + '"';
  const Priced p("{" + file + "}");
  EXPECT_EQ(p.cost->provenance().kind, "measured");
  EXPECT_EQ(p.cost->provenance().holdout_error, 0.02);
  // 64 sequences of 4,096: 1.07 GB a layer. Were they spread evenly over all places, both readings
  // would take 268 us, together 268 * 2^(1/8) = 292; whole tiles do not divide quite so evenly.
  const double even = p.ms(decodes(64, 4096));
  const double empty = p.ms(decodes(64, 1));
  EXPECT_GT((even - empty) / 32, 0.292);
  EXPECT_LT((even - empty) / 32, 0.292 * 1.08);
  // As many tokens, but one sequence has half of them: the planner cuts it, and the batch takes
  // about as long.
  StepShape skewed = decodes(63, 2081);
  skewed.add_decode(Tokens(64 * 4096 - 63 * 2081), {});
  ++skewed.samples;
  EXPECT_NEAR(p.ms(skewed) / even, 1, 0.05);
  EXPECT_EQ(error_of("{\"cost\": \"imported\", " + file + "}"),
            "a.json: /cost_profile: an own, measured profile; set /cost to calibrated");
  EXPECT_NE(error_of("{\"device\": \"h100\", " + file + "}")
                .find("/device/name: a profile of 'h200', but the device is 'h100'"),
            std::string::npos);
}

}  // namespace
}  // namespace kvsim
