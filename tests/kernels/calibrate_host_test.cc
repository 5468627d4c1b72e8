// The parts of kvsim-calibrate that need no GPU: options, budget, statistics, what is timed and in
// which order, and the table of a benchmark.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "kernels/calibrate/host/bench.h"
#include "kernels/calibrate/host/budget.h"
#include "kernels/calibrate/host/device_name.h"
#include "kernels/calibrate/host/dry_run.h"
#include "kernels/calibrate/host/grids.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/statistics.h"

namespace kvsim::calibrate {
namespace {

using Words = std::vector<const char*>;
constexpr double kMemory = 45e9;

std::string complaint(const Words& words) {
  try {
    (void)parse_options(words);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "";
}

TEST(CalibrateOptions, TakeValuesWithASpaceOrAnEqualsSign) {
  const Options o = parse_options(
      Words{"--out", "x.json", "--budget-s=60", "--only=gemm,decode", "--seed", "7", "--bench"});
  EXPECT_EQ(o.out, "x.json");
  EXPECT_EQ(o.budget, 60);
  EXPECT_EQ(o.seed, 7u);
  EXPECT_EQ(o.action, Options::Action::kBench);
  EXPECT_TRUE(o.wants("gemm") && o.wants("decode"));
  EXPECT_FALSE(o.wants("prefill"));
  EXPECT_TRUE(parse_options({}).wants("prefill"));
}

TEST(CalibrateOptions, OneLineForWhatIsWrong) {
  EXPECT_EQ(complaint({"--frobnicate"}), "no option named '--frobnicate'; see --help");
  EXPECT_EQ(complaint({"--out"}), "--out: expected a value after it");
  EXPECT_EQ(complaint({"--budget-s", "5m"}), "--budget-s: expected 10 to 1e+06, got '5m'");
  EXPECT_EQ(complaint({"--budget-s", "1"}), "--budget-s: expected 10 to 1e+06, got '1'");
  EXPECT_EQ(complaint({"--seed", "-1"}), "--seed: expected 0 to 9007199254740992, got '-1'");
  EXPECT_EQ(complaint({"--bench", "--self-check"}),
            "--self-check, --bench and --validate are one at a time");
  EXPECT_EQ(complaint({"--only", "gem"}).substr(0, 46),
            "--only: no family named 'gem'; known: ceilings");
  EXPECT_EQ(complaint({"--only", ""}).substr(0, 39), "--only: expected families; known: ceili");
}

TEST(CalibrateDevice, NamesAreThoseOfConfigsDevices) {
  // As cudaGetDeviceProperties has them.
  for (const auto& [cuda, ours] : {std::pair{"NVIDIA H200", "h200"},
                                   {"NVIDIA H100 80GB HBM3", "h100"},
                                   {"NVIDIA A100-SXM4-80GB", "a100-80gb"},
                                   {"NVIDIA A100-SXM4-40GB", "a100-40gb"},
                                   {"NVIDIA L40S", "l40s"},
                                   {"NVIDIA L4", "l4"},
                                   {"NVIDIA A10", "a10"},
                                   {"NVIDIA B200", "b200"},
                                   {"NVIDIA GeForce RTX 4090", "rtx-4090"}}) {
    EXPECT_EQ(short_device_name(cuda), ours);
    EXPECT_TRUE(std::filesystem::exists(std::string(KVSIM_SOURCE_DIR "/configs/devices/") + ours +
                                        ".json"));
  }
  EXPECT_EQ(short_device_name(""), "gpu");
}

TEST(CalibrateBudget, RefusesWhatWouldOutlastIt) {
  double now = 100;
  const Budget budget(60, [&now] { return now; });
  EXPECT_TRUE(budget.allows(55));
  EXPECT_FALSE(budget.allows(55.1));  // 5 s are kept for the file
  now = 150;
  EXPECT_EQ(budget.spent(), 50);
  EXPECT_TRUE(budget.allows(5));
  EXPECT_FALSE(budget.allows(6));
}

TEST(CalibrateStatistics, QuantilesLieBetweenOrderStatistics) {
  // R: quantile(c(4, 1, 3, 2), c(.5, .1, .9), type = 7) is 2.5, 1.3, 3.7.
  const Spread s = spread_of({4, 1, 3, 2});
  EXPECT_DOUBLE_EQ(s.median, 2.5);
  EXPECT_DOUBLE_EQ(s.p10, 1.3);
  EXPECT_DOUBLE_EQ(s.p90, 3.7);
  EXPECT_EQ(s.count, 4);
  EXPECT_DOUBLE_EQ(quantile({5}, 0.9), 5);
  EXPECT_DOUBLE_EQ(quantile({1, 2}, 1), 2);
}

TEST(CalibrateCases, EveryBeginningIsSpreadOut) {
  EXPECT_EQ(spread_order(5), (std::vector<std::size_t>{0, 4, 2, 1, 3}));
  for (const std::size_t count : {0, 1, 2, 7, 64, 100}) {
    std::vector<std::size_t> order = spread_order(count);
    std::sort(order.begin(), order.end());
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), std::size_t{0});
    EXPECT_EQ(order, all);
  }
}

TEST(CalibrateCases, FamiliesTakeTurnsInProportion) {
  const auto family = [](const char* name, int count) {
    std::vector<Case> cases;
    for (int i = 0; i < count; ++i) cases.push_back({name, std::to_string(i), GemmCase{}});
    return cases;
  };
  const std::vector<Case> all = interleaved({family("a", 8), family("b", 2), {}, family("c", 4)});
  ASSERT_EQ(all.size(), 14u);
  // At half time half of each is done, in its own order.
  std::map<std::string, int> half;
  for (std::size_t i = 0; i < 7; ++i)
    EXPECT_EQ(all[i].label, std::to_string(half[all[i].family]++));
  EXPECT_EQ(half["a"], 4);
  EXPECT_EQ(half["b"], 1);
  EXPECT_EQ(half["c"], 2);
}

TEST(CalibrateCases, EveryFamilyHasShapesThatFitItsMemory) {
  for (const char* family : families()) {
    const std::vector<Case> cases = cases_of(family, kMemory, 1);
    EXPECT_GE(cases.size(), 8u) << family;
    std::set<std::string> labels;
    for (const Case& c : cases) {
      EXPECT_EQ(c.family, family);
      EXPECT_GT(c.seconds, 0);
      EXPECT_LT(c.seconds, 2) << c.label;
      const auto* decode = std::get_if<DecodeCase>(&c.what);
      EXPECT_TRUE(decode == nullptr || decode->window > 0 || kv_bytes(*decode) <= kMemory);
      labels.insert(c.label + c.law);
    }
    EXPECT_TRUE(std::string(family) == "mixed" || labels.size() == cases.size()) << family;
  }
  EXPECT_LT(cases_of("decode", 1e9, 1).size(), cases_of("decode", kMemory, 1).size());
}

TEST(CalibrateCases, KvBytesByHand) {
  // 64 x 4096 tokens, 8 heads, K and V of 128 values of 2 bytes: 1 GiB.
  DecodeCase c;
  c.lengths.assign(64, 4096);
  EXPECT_EQ(kv_bytes(c), 64.0 * 4096 * 8 * 2 * 128 * 2);
  c.kv = "int4";  // half a byte a value, and two fp16 scales
  EXPECT_EQ(kv_bytes(c), 64.0 * 4096 * 8 * (128 + 4));
  c.window = 1024;
  c.sinks = 4;
  EXPECT_EQ(kv_bytes(c), 64.0 * 1028 * 8 * (128 + 4));
  EXPECT_THROW((void)kv_token_bytes({}, "int3"), BadInput);
}

TEST(CalibrateMixed, HoldsOutOneLengthAndAThirdOfTheRest) {
  const std::vector<Case> cases = mixed_batches(200, 1);
  ASSERT_EQ(cases.size(), 200u);
  int varied = 0;
  int held = 0;
  int small = 0;
  for (const Case& c : cases) {
    const auto& lengths = std::get<DecodeCase>(c.what).lengths;
    ASSERT_FALSE(lengths.empty());
    EXPECT_LE(lengths.size(), 256u);
    EXPECT_GE(*std::min_element(lengths.begin(), lengths.end()), 1);
    small += lengths.size() <= 16 ? 1 : 0;
    if (std::set<int>(lengths.begin(), lengths.end()).size() == 1) {
      EXPECT_TRUE(c.held_out) << c.label;  // neither coordinate is on the grid
      continue;
    }
    ++varied;
    held += c.held_out ? 1 : 0;
  }
  EXPECT_NEAR(small, 100, 5);  // 16 is half way from 1 to 256, by logarithm
  EXPECT_NEAR(held, 0.3 * varied, 8);
}

TEST(CalibrateMixed, NeverHoldsOutTheGrid) {
  for (const Case& c : cases_of("decode", kMemory, 1)) EXPECT_FALSE(c.held_out);
}

TEST(CalibrateMixed, LengthsFollowTheirLaw) {
  constexpr int kMany = 200000;
  constexpr double kMean = 1000;
  for (int i = 0; i < kLengthLaws; ++i) {
    const auto law = static_cast<LengthLaw>(i);
    const auto lengths = lengths_by(law, kMany, kMean, 3);
    const double mean = std::accumulate(lengths.begin(), lengths.end(), 0.0) / kMany;
    EXPECT_NEAR(mean, kMean, 0.03 * kMean) << word_of(law);
    EXPECT_EQ(lengths, lengths_by(law, kMany, kMean, 3));
  }
  // Log-normal: the standard deviation of the logarithm is sigma.
  double square = 0;
  double sum = 0;
  for (const int length : lengths_by(LengthLaw::kMedium, kMany, 1000, 5)) {
    sum += std::log(length);
    square += std::log(length) * std::log(length);
  }
  EXPECT_LT(std::abs(std::sqrt(square / kMany - sum * sum / kMany / kMany) - 1), 0.02);
  const auto one_long = lengths_by(LengthLaw::kOneLong, 4, 350, 1);
  EXPECT_EQ(one_long, (std::vector<std::int32_t>{1280, 40, 40, 40}));
}

TEST(CalibrateCases, HalfOctaves) {
  EXPECT_EQ(half_octaves(256, 1024), (std::vector<std::int32_t>{256, 362, 512, 724, 1024}));
}

TEST(CalibrateDryRun, FitsTenMinutesAndWatchesForDrift) {
  const Options options;
  const std::vector<Case> all = planned_cases(options, kMemory);
  double seconds = 0;
  for (const Case& c : all) seconds += c.seconds;
  EXPECT_LT(seconds, 300);
  const std::string watched = sentinels().front().label;
  const auto times = std::count_if(all.begin(), all.end(), [&](const Case& c) {
    return c.family == "decode" && c.label == watched;
  });
  EXPECT_GE(times, 3);
  EXPECT_EQ(all.front().label, watched);
  EXPECT_EQ(all.back().label, sentinels().back().label);
}

TEST(CalibrateDryRun, NamesShapesOfTheFamiliesAskedFor) {
  const std::string text = dry_run_text(parse_options(Words{"--only", "mla"}), kMemory);
  EXPECT_NE(text.find("mla              24 launches"), std::string::npos) << text;
  EXPECT_NE(text.find("  128 heads, 32 x 4096\n"), std::string::npos);
  EXPECT_EQ(text.find("gemm"), std::string::npos);
  const std::string tight = dry_run_text(parse_options(Words{"--budget-s", "10"}), kMemory);
  EXPECT_NE(tight.find("more than the 10.0 s of --budget-s"), std::string::npos);
}

TEST(CalibrateBench, RatesAndTargetsByHand) {
  const std::vector<BenchRow> rows = bench_rows();
  const auto row = std::find_if(rows.begin(), rows.end(), [](const BenchRow& r) {
    return r.launch.label == "32/8/128 bf16 page 16, 64 x 4096";
  });
  ASSERT_NE(row, rows.end());
  // 1 GiB in the published 251.85 us: 4263 GB/s, as kernels/README.md has it.
  EXPECT_NEAR(rate_of(*row, row->published), 4263, 1);
  EXPECT_EQ(row->target.value, 4200);
  EXPECT_TRUE(reaches(*row, 255));
  EXPECT_FALSE(reaches(*row, 256));
  const auto tiny = std::find_if(rows.begin(), rows.end(), [](const BenchRow& r) {
    return r.launch.label == "32/8/128 bf16 page 16, 1 x 128";
  });
  EXPECT_TRUE(reaches(*tiny, 9.0));
  EXPECT_FALSE(reaches(*tiny, 9.1));
  const auto prefill = std::find_if(rows.begin(), rows.end(), [](const BenchRow& r) {
    return r.launch.label == "32/8/128 page 16, 1 x 8192 after 0";
  });
  EXPECT_NEAR(rate_of(*prefill, prefill->published), 619.1, 0.1);  // as published
}

TEST(CalibrateBench, TheTableSaysWhatWasNotMeasured) {
  std::vector<BenchRow> rows = bench_rows();
  rows.resize(2);
  const std::string table =
      bench_markdown(rows, {std::nullopt, Spread{12.23, 12.2, 12.3, 11}}, "a GPU");
  EXPECT_NE(table.find("1 x 128 | unmeasured |  | <= 9 us | 8.98 (SGLang) |  |"), std::string::npos)
      << table;
  EXPECT_NE(table.find("1 x 512 | 12.23 (0.8 %) |"), std::string::npos) << table;
  EXPECT_NE(table.find("<= 9 us, missed | 12.23 (SGLang) | 1.00 |"), std::string::npos) << table;
  const Json json = bench_json(rows, {std::nullopt, Spread{12.23, 12.2, 12.3, 11}}, "a GPU");
  EXPECT_EQ(json.at("rows").items()[0].find("us_median"), nullptr);
  EXPECT_EQ(json.at("rows").items()[1].at("us_median").number(), 12.23);
}

}  // namespace
}  // namespace kvsim::calibrate
