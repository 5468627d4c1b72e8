// The law of kernels, by hand.
#include "sim/model/attention/kernel_law.h"

#include <cmath>

#include <gtest/gtest.h>

namespace kvsim {
namespace {

TEST(RatioTable, InterpolatesInLogarithmsAndKeepsItsEdges) {
  // Halfway between 2 and 8 (in logarithms) is 4; between the ratios 1 and 4 it is 2.
  const RatioTable table({2, 8}, {10, 1000}, {1, 4, 4, 16});
  EXPECT_DOUBLE_EQ(table.at(2, 10), 1);
  EXPECT_DOUBLE_EQ(table.at(4, 10), 2);
  EXPECT_DOUBLE_EQ(table.at(2, 100), 2);
  EXPECT_DOUBLE_EQ(table.at(4, 100), 4);
  EXPECT_DOUBLE_EQ(table.at(8, 1000), 16);
  EXPECT_DOUBLE_EQ(table.at(1000, 1e6), 16);
  EXPECT_DOUBLE_EQ(table.at(0.1, 0.1), 1);
  EXPECT_TRUE(table.covers(8, 10));
  EXPECT_FALSE(table.covers(8.1, 10));
  EXPECT_FALSE(table.covers(8, 9));
  EXPECT_DOUBLE_EQ(RatioTable().at(5, 5), 1);
}

TEST(RatioTable, SaysWhatIsNoTable) {
  EXPECT_EQ(RatioTable::problem_with({1, 2}, {1}, {1, 1}), "");
  EXPECT_NE(RatioTable::problem_with({2, 1}, {1}, {1, 1}), "");
  EXPECT_NE(RatioTable::problem_with({0, 1}, {1}, {1, 1}), "");
  EXPECT_NE(RatioTable::problem_with({}, {1}, {}), "");
  EXPECT_NE(RatioTable::problem_with({1, 2}, {1}, {1}), "");
  EXPECT_NE(RatioTable::problem_with({1, 2}, {1}, {1, 0}), "");
}

TEST(KernelLaw, AddsFloorBytesFlopsAndSequences) {
  KernelLaw law;
  law[Term::kFloor] = 8;
  law[Term::kByte] = 0.5;
  law[Term::kFlop] = 0.25;
  law[Term::kSequence] = 2;
  const LaunchFeatures f{.bytes = 10, .flops = 100, .sequences = 3, .u = 4, .v = 1};
  EXPECT_DOUBLE_EQ(law.baseline(f), 8 + 5 + 25 + 6);
  law.ratio = RatioTable({4}, {1}, {1.5});
  EXPECT_DOUBLE_EQ(law.microseconds(f), 1.5 * 44);
}

TEST(KernelLaw, RoundsTheCornerBetweenTwoReadings) {
  // Two equal readings of 10 us, p = 4: 10 * 2^(1/4). One a hundred times the other: the longer.
  KernelLaw law{.form = LawForm::kPlanner};
  law.exponent = 4;
  law[Term::kByte] = law[Term::kBusiestByte] = 1;
  EXPECT_DOUBLE_EQ(law.baseline({.bytes = 10, .busiest_bytes = 10}), 10 * std::pow(2, 0.25));
  EXPECT_NEAR(law.baseline({.bytes = 10, .busiest_bytes = 1000}), 1000, 1e-5);
}

TEST(KernelLaw, ChargesMergesOnlyWhereSomethingIsSplit) {
  KernelLaw law{.form = LawForm::kPlanner};
  law[Term::kMergeFloor] = 1;
  law[Term::kMergeDoubling] = 0.5;
  law[Term::kWave] = 3;
  EXPECT_DOUBLE_EQ(law.baseline({.waves = 2, .splits = 1}), 6);
  EXPECT_DOUBLE_EQ(law.baseline({.waves = 2, .splits = 7}), 6 + 1 + 0.5 * 3);
}

TEST(KernelLaw, HasWordsForFormsAndTerms) {
  for (const LawForm form : {LawForm::kRooflineRatio, LawForm::kPlanner})
    EXPECT_EQ(law_form_of(word_of(form)), form);
  EXPECT_FALSE(law_form_of("spline"));
  EXPECT_EQ(word_of(Term::kFloor), "floor_us");
  EXPECT_EQ(word_of(Term::kPage), "us_per_page");
}

// Llama-3-8B: 32 query heads of 128, 4,096 bytes of KV a token in a layer.
constexpr HeadShape kHeads{32, 128, 4096};

TEST(Launches, CountWhatIsMovedAndComputed) {
  const LaunchFeatures decode = decode_launch(kHeads, 64, 64 * 4096);
  // KV once, queries and outputs of 8 KiB each.
  EXPECT_DOUBLE_EQ(decode.bytes, 64.0 * 4096 * 4096 + 64 * 2 * 8192);
  EXPECT_DOUBLE_EQ(decode.u, 64);
  EXPECT_DOUBLE_EQ(decode.v, 4096);
  // 2 prompts of 100 tokens: 5,050 pairs each, 4 * 32 * 128 FLOPs a pair.
  const LaunchFeatures prefill = prefill_launch(kHeads, 2, 200, 200, 2 * 5050);
  EXPECT_DOUBLE_EQ(prefill.flops, 4.0 * 32 * 128 * 2 * 5050);
  EXPECT_DOUBLE_EQ(prefill.v, 100) << "a whole prompt is looked up by its length";
  const LaunchFeatures gemm = gemm_launch(64, 6144, 4096, 2);
  EXPECT_DOUBLE_EQ(gemm.flops, 2.0 * 64 * 6144 * 4096);
  EXPECT_DOUBLE_EQ(gemm.bytes, 2.0 * (6144 * 4096 + 64 * 4096 + 64 * 6144));
}

TEST(Launches, OfPlansLookForSkew) {
  // One sequence on a device of 100 places, all of it on one of them: a hundred times the mean.
  const DecodeShape shape{.q_heads = 1, .kv_heads = 1, .head_dim = 128, .kv_token_bytes = 512};
  const DecodeDevice device{.resident = 100};
  const DecodeFeatures plan{.bytes = 51'200,
                            .makespan_bytes = 51'200,
                            .items = 1,
                            .waves = 1,
                            .max_splits = 1,
                            .sequences = 1,
                            .tokens = 100,
                            .pages = 7};
  const LaunchFeatures f = decode_launch(shape, device, plan);
  EXPECT_DOUBLE_EQ(f.v, 100);
  EXPECT_DOUBLE_EQ(f.busiest_bytes, 51'200);
  EXPECT_DOUBLE_EQ(f.pages, 0.07);
}

}  // namespace
}  // namespace kvsim
