// From timings to a profile that the simulator reads: a device with known laws is "timed", and what
// the profile says must be those laws again.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/grids.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/profile.h"
#include "kernels/fit/fit_law.h"
#include "sim/engine/cost/profile.h"
#include "tests/support/scratch_folder.h"

namespace kvsim::calibrate {
namespace {

constexpr int kMultiprocessors = 132;
constexpr double kMemory = 45e9;
constexpr double kReadRate = 4.4e6;  // bytes per microsecond

/// The invented device: a floor, memory or its busiest multiprocessor, a step for merging.
double decode_us(const LaunchFeatures& f) {
  const double merge = f.splits > 1 ? 1 + 0.3 * std::log2(1 + f.splits) : 0;
  const double all = f.bytes / kReadRate;
  const double busiest = f.busiest_bytes * 264 / kReadRate / 1.1;
  return 5 + merge + std::pow(std::pow(all, 6) + std::pow(busiest, 6), 1.0 / 6) + 0.4 * f.waves;
}
double gemm_us(const GemmCase& c) {
  const double bytes = c.dtype == "fp8" ? 1 : 2;
  const double memory = bytes * c.n * c.k / 3.8e6;
  const double matrix = std::ceil(c.m / 128.0) * 128 * 2.0 * c.n * c.k / 7.5e8;
  return 3 + std::max(memory, matrix);
}
double prefill_us(const LaunchFeatures& f) { return 8 + f.flops / 5e8; }

Sample timed(const Case& c) {
  Sample s{c, features_of(c.what, kMultiprocessors), {}};
  double us = 4 + s.features.bytes / 3e6;
  if (std::get_if<DecodeCase>(&c.what) != nullptr) us = decode_us(s.features);
  if (std::get_if<PrefillCase>(&c.what) != nullptr) us = prefill_us(s.features);
  if (const auto* g = std::get_if<GemmCase>(&c.what)) us = gemm_us(*g);
  if (const auto* ceiling = std::get_if<CeilingCase>(&c.what))
    us = ceiling->bytes == 0 ? 1.5 : static_cast<double>(ceiling->bytes) / kReadRate;
  s.us = {us, 0.99 * us, 1.01 * us, 11};
  return s;
}

std::vector<Sample> time_all(const std::vector<const char*>& families) {
  std::vector<Sample> samples;
  for (const char* family : families)
    for (const Case& c : cases_of(family, kMemory, 1)) samples.push_back(timed(c));
  return samples;
}

ProfileFacts facts() {
  ProfileFacts f;
  f.created = "2026-01-01T00:00:00Z";
  f.device = Json::object({{"name", "h200"}, {"cuda_name", "NVIDIA H200"}});
  f.build = Json::object({{"git_commit", "0000000"}});
  f.conditions = Json::list();
  f.all_reduce = Json::parse(
      R"([{"gpus":2,"lines_us":[2.6,1e-5,5,8e-6]},{"gpus":8,"lines_us":[3,2e-5,9,7e-6]}])");
  f.multiprocessors = kMultiprocessors;
  return f;
}

TEST(CalibrateProfile, SaysTheLawsOfTheDevice) {
  const Json profile =
      make_profile(facts(), time_all({"decode", "mixed", "prefill", "gemm", "ceilings"}));
  const CostProfile read = parse_profile(document_text(profile), "h200.json", "h200");
  EXPECT_TRUE(read.measured);
  EXPECT_EQ(read.device, "h200");
  EXPECT_EQ(read.origin, "kvsim-calibrate on NVIDIA H200");
  ASSERT_FALSE(read.families.empty());
  const KernelFamily& decode = read.families.front();
  EXPECT_EQ(decode.phase, AttentionPhase::kDecode);
  EXPECT_EQ(decode.q_heads, 32);
  EXPECT_EQ(decode.law.form, LawForm::kPlanner);
  // Batches that were in no fit: another seed draws others.
  std::vector<double> errors;
  for (const Case& c : mixed_batches(100, 99)) {
    const LaunchFeatures f = features_of(c.what, kMultiprocessors);
    errors.push_back(std::abs(decode.law.microseconds(f) / decode_us(f) - 1));
  }
  EXPECT_LT(quantile(errors, 0.5), 0.03);
  EXPECT_LT(quantile(errors, 0.95), 0.08);
  EXPECT_LT(profile.at("holdout").at("decode").at("median").number(), 0.03);
  EXPECT_LT(read.holdout_error, 0.03);
  EXPECT_GT(profile.at("holdout").at("large_decode").at("count").number(), 20);
  EXPECT_LT(profile.at("holdout").at("gemm").at("median").number(), 0.05);
  ASSERT_EQ(read.gemms.size(), 2u);
  ASSERT_EQ(read.all_reduces.size(), 2u);
  EXPECT_NEAR(profile.at("ceilings").at("read_gbps").number(), 4400, 1);
  EXPECT_NEAR(profile.at("ceilings").at("copy_gbps").number(), 8800, 1);  // twice the bytes
  EXPECT_EQ(profile.at("ceilings").at("empty_node_us").number(), 1.5);
}

// ---- a profile is replayed: its samples give its laws again, and its errors ----

/// Timings of one family of decode, by the words its samples are labelled with.
std::vector<Timing> samples_of(const Json& profile, const Json& family, double held_out) {
  const auto& heads = family.at("heads").items();
  const std::string label =
      fmt::format("{}/{}/{} {} page 16, ", heads[0].number(), heads[1].number(), heads[2].number(),
                  family.at("kv_dtype").string());
  std::vector<Timing> timings;
  for (const Json& row : profile.at("samples").items()) {
    const auto& cells = row.items();
    if (!cells[1].string().starts_with(label) || cells[3].number() != held_out) continue;
    if (cells[0].string() == "prefill" || cells[0].string() == "append") continue;
    LaunchFeatures f;
    double LaunchFeatures::*const kFields[] = {
        &LaunchFeatures::bytes,         &LaunchFeatures::flops, &LaunchFeatures::sequences,
        &LaunchFeatures::busiest_bytes, &LaunchFeatures::waves, &LaunchFeatures::splits,
        &LaunchFeatures::pages,         &LaunchFeatures::u,     &LaunchFeatures::v};
    for (std::size_t i = 0; i < std::size(kFields); ++i) f.*kFields[i] = cells[8 + i].number();
    timings.push_back({f, cells[4].number()});
  }
  return timings;
}

void expect_replays(const Json& profile, const std::string& file) {
  const CostProfile read = parse_profile(document_text(profile), file, "x");
  for (std::size_t i = 0; i < read.families.size(); ++i) {
    const KernelLaw& law = read.families[i].law;
    if (law.form != LawForm::kPlanner) continue;
    const Json& family = profile.at("families").items()[i];
    const KernelLaw again = fit_coefficients(LawForm::kPlanner, samples_of(profile, family, 0));
    EXPECT_EQ(again.exponent, law.exponent) << file;
    std::vector<double> predicted;
    std::vector<double> measured;
    for (const Timing& t : samples_of(profile, family, 0))
      EXPECT_NEAR(again.baseline(t.features) / law.baseline(t.features), 1, 1e-3) << file;
    for (const Timing& t : samples_of(profile, family, 1)) {
      predicted.push_back(law.microseconds(t.features));
      measured.push_back(t.microseconds);
    }
    const ErrorSummary e = summarise(predicted, measured);
    EXPECT_EQ(e.count, family.at("holdout").at("count").number()) << file;
    EXPECT_NEAR(e.median, family.at("holdout").at("median").number(), 1e-4) << file;
    EXPECT_NEAR(e.p95, family.at("holdout").at("p95").number(), 1e-4) << file;
  }
}

TEST(CalibrateProfile, ItsSamplesGiveItsLawsAgain) {
  expect_replays(make_profile(facts(), time_all({"decode", "mixed", "formats"})), "made here");
}

TEST(CalibrateProfile, SoDoThoseThatWereMeasured) {
  int replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KVSIM_SOURCE_DIR "/configs/costs")) {
    const Json profile = Json::parse(text_of(entry.path().string()));
    if (profile.at("source").string() != "measured") continue;
    expect_replays(profile, entry.path().string());
    ++replayed;
  }
  if (replayed == 0) GTEST_SKIP() << "no measured profile in configs/costs yet";
}

TEST(CalibrateProfile, MatricesBetweenKnotsAreInterpolated) {
  const FittedLaws laws = fit_laws(time_all({"gemm"}));
  const GemmCase knot{256, 6144, 4096, "bf16"};
  EXPECT_NEAR(laws.gemm_us(knot), gemm_us(knot), 0.01 * gemm_us(knot));
  GemmCase between = knot;
  between.m = 1280;  // half way from 1024 to 1536, which is held out, to 2048
  const GemmCase low{1024, 6144, 4096, "bf16"};
  const GemmCase high{2048, 6144, 4096, "bf16"};
  const double expected = gemm_us(low) + 0.25 * (gemm_us(high) - gemm_us(low));
  EXPECT_NEAR(laws.gemm_us(between), expected, 0.01 * expected);
}

TEST(CalibrateProfile, SaysWhatPagingCosts) {
  std::vector<Sample> samples = time_all({"decode", "contiguous"});
  for (Sample& s : samples)
    if (s.launch.family == "contiguous") s.us.median *= 0.98;
  const Json profile = make_profile(facts(), samples);
  ASSERT_FALSE(profile.at("layouts").items().empty());
  for (const Json& row : profile.at("layouts").items()) {
    EXPECT_GT(row.at("over_pages_of_16").number(), 0.95) << row.text();
    EXPECT_LT(row.at("over_pages_of_16").number(), 0.99) << row.text();
  }
}

TEST(CalibrateProfile, WarnsOfADriftingDevice) {
  std::vector<Sample> samples = time_all({"append"});
  for (const double drift : {1.0, 1.01, 1.03}) {
    samples.push_back(timed(sentinels().front()));
    samples.back().us.median *= drift;
  }
  const Json profile = make_profile(facts(), samples);
  ASSERT_EQ(profile.at("warnings").items().size(), 1u);
  EXPECT_EQ(profile.at("warnings").items()[0].string(),
            "the device drifted: decode, 32/8/128 bf16 page 16, 1 x 512 moved by 3.000000 %");
  EXPECT_EQ(profile.at("sentinels").items().size(), 1u);
}

TEST(CalibrateProfile, TimeThatRanOutLeavesAReadableFile) {
  std::vector<Sample> few = time_all({"decode"});
  few.resize(12);
  const CostProfile read =
      parse_profile(document_text(make_profile(facts(), few)), "h200.json", "h200");
  EXPECT_EQ(read.families.size(), 1u);
  EXPECT_TRUE(read.gemms.empty());
}

TEST(CalibrateFeatures, RefuseWhatHasNoKernel) {
  const auto complaint = [](Heads heads, const std::string& kv) {
    DecodeCase c;
    c.heads = heads;
    c.kv = kv;
    try {
      (void)decode_kernel_of(c);
    } catch (const BadInput& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(complaint({32, 8, 96}, "bf16"), "head_dim 96: there are kernels for 64, 128 and 256");
  EXPECT_EQ(complaint({32, 5, 128}, "bf16"), "32 query heads cannot share 5 KV heads evenly");
  EXPECT_EQ(complaint({}, "int3"), "no KV format named 'int3'; known: bf16, fp16, fp8, int8, int4");
}

}  // namespace
}  // namespace kvsim::calibrate
