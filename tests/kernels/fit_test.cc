// The fit of laws to timings: planted coefficients are found again.
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/fit/make_profile.h"
#include "kernels/fit/robust_fit.h"
#include "sim/core/rng.h"
#include "sim/model/attention/decode_plan.h"

namespace kvsim {
namespace {

// A value between -1 and 1.
double noise(Rng& rng) {
  constexpr std::uint64_t kSteps = 1 << 20;
  return 2 * static_cast<double>(rng.below(kSteps + 1)) / static_cast<double>(kSteps) - 1;
}

TEST(RobustFit, IsNotMovedByARowThatIsWrong) {
  // y = 3 + 2 x over 1 to 40, one row ten times too long. Squares would give it the whole fit.
  std::vector<double> measured;
  for (int x = 1; x <= 40; ++x) measured.push_back(x == 20 ? 430 : 3 + 2 * x);
  const RobustFit fit = robust_fit(
      [](const std::vector<double>& c) {
        std::vector<double> y;
        for (int x = 1; x <= 40; ++x) y.push_back(c[0] + c[1] * x);
        return y;
      },
      measured, {5, 5});
  EXPECT_NEAR(fit.coefficients[0], 3, 0.05);
  EXPECT_NEAR(fit.coefficients[1], 2, 0.02);
}

TEST(RobustFit, LeavesOutWhatExplainsNothing) {
  std::vector<double> measured(10, 7.0);
  const RobustFit fit = robust_fit(
      [](const std::vector<double>& c) {
        std::vector<double> y;
        for (int x = 1; x <= 10; ++x) y.push_back(c[0] + c[1] * x);
        return y;
      },
      measured, {10, 1});
  EXPECT_NEAR(fit.coefficients[0], 7, 1e-6);
  EXPECT_LT(fit.coefficients[1], 1e-6);
}

// 8 us of launch, 4 TB/s, 0.1 us a sequence.
KernelLaw planted() {
  KernelLaw law;
  law[Term::kFloor] = 8;
  law[Term::kByte] = 2.5e-7;
  law[Term::kSequence] = 0.1;
  return law;
}

std::vector<Timing> timings_of(const KernelLaw& law, double spread) {
  const HeadShape heads{32, 128, 4096};
  Rng rng(11, "timings");
  std::vector<Timing> timings;
  for (const double batch : {1.0, 4.0, 16.0, 64.0, 256.0})
    for (const double length : {16.0, 128.0, 1024.0, 8192.0}) {
      const LaunchFeatures f = decode_launch(heads, batch, batch * length);
      timings.push_back({f, law.microseconds(f) * (1 + spread * noise(rng))});
    }
  return timings;
}

TEST(FitLaw, RecoversPlantedCoefficients) {
  const KernelLaw exact = fit_coefficients(LawForm::kRooflineRatio, timings_of(planted(), 0));
  const KernelLaw noisy = fit_coefficients(LawForm::kRooflineRatio, timings_of(planted(), 0.03));
  for (const Term term : {Term::kFloor, Term::kByte, Term::kSequence}) {
    EXPECT_NEAR(exact[term] / planted()[term], 1, 1e-4) << word_of(term);
    EXPECT_NEAR(noisy[term] / planted()[term], 1, 0.05) << word_of(term);
  }
  EXPECT_EQ(exact[Term::kFlop], 0) << "plays no part in these launches";
}

TEST(FitLaw, IsDeterministic) {
  const KernelLaw once = fit_coefficients(LawForm::kRooflineRatio, timings_of(planted(), 0.03));
  const KernelLaw again = fit_coefficients(LawForm::kRooflineRatio, timings_of(planted(), 0.03));
  EXPECT_EQ(once.coefficients, again.coefficients);
}

// Batches of our own kernel, planned as it plans them.
std::vector<Timing> planned_timings(const KernelLaw& law, const std::vector<int>& batches,
                                    const std::vector<int>& lengths, double spread) {
  const DecodeShape shape{
      .q_heads = 32, .kv_heads = 8, .head_dim = 128, .kv_token_bytes = 512, .page_tokens = 16};
  const DecodeDevice device{.resident = 264};
  Rng rng(5, "planned");
  std::vector<Timing> timings;
  for (const int batch : batches)
    for (const int length : lengths)
      for (const int longest : {1, 8}) {
        // Even batches, and ones in which one sequence is eight times as long.
        const std::vector<LengthClass> classes{{length, batch}, {length * longest, 1}};
        const DecodeFeatures plan = decode_features(shape, device, classes);
        const LaunchFeatures f = decode_launch(shape, device, plan);
        timings.push_back({f, law.microseconds(f) * (1 + spread * noise(rng))});
      }
  return timings;
}

TEST(FitLaw, RecoversWhatAPlannedKernelWouldTake) {
  KernelLaw law{.form = LawForm::kPlanner};
  law.exponent = 6;
  law[Term::kFloor] = 5;
  law[Term::kMergeFloor] = 1;
  law[Term::kByte] = 2.3e-7;
  law[Term::kBusiestByte] = 264 * 2.3e-7;
  law[Term::kWave] = 0.5;
  law[Term::kMergeDoubling] = 0.3;
  law[Term::kSequence] = 0.02;
  const KernelLaw fitted = fit_coefficients(
      LawForm::kPlanner,
      planned_timings(law, {1, 2, 4, 8, 16, 32, 64, 128, 256}, {64, 256, 1024, 4096, 16384}, 0.02));
  EXPECT_NEAR(fitted[Term::kByte] / law[Term::kByte], 1, 0.05);
  // Shapes it has not seen, without noise: coefficients may stand in for one another, times not.
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const Timing& t : planned_timings(law, {3, 12, 48, 192}, {128, 700, 3000, 10'000}, 0)) {
    predicted.push_back(fitted.microseconds(t.features));
    measured.push_back(t.microseconds);
  }
  const ErrorSummary errors = summarise(predicted, measured);
  EXPECT_LT(errors.median, 0.01);
  EXPECT_LT(errors.max, 0.05);
}

TEST(FitRatio, ShrinksWhatFewTimingsSay) {
  // A floor of 10 us and nothing else; timings of 20 us at u = 1 (one), and at u = 100 (three).
  KernelLaw law;
  law[Term::kFloor] = 10;
  const auto at = [](double u) { return Timing{{.u = u, .v = 1}, 20}; };
  const FittedRatio fit = fit_ratio(law, {at(1), at(90), at(100), at(110)}, {1, 100}, {1}, 3);
  EXPECT_NEAR(fit.ratios[0], std::cbrt(2.0), 1e-12) << "a third of log 2";
  EXPECT_NEAR(fit.ratios[1], 2, 1e-12);
  EXPECT_EQ(fit.counts, (std::vector<int>{1, 3}));
}

TEST(FitRatio, FillsKnotsThatNobodyTimed) {
  KernelLaw law;
  law[Term::kFloor] = 10;
  const FittedRatio fit = fit_ratio(law, {{{.u = 1, .v = 1}, 20}}, {1, 1e6}, {1, 1e6}, 1);
  EXPECT_EQ(fit.ratios, (std::vector<double>{2, 2, 2, 2}));
}

TEST(ErrorSummary, IsOfAbsoluteSharesAndBiasIsSigned) {
  const ErrorSummary e = summarise({110, 90, 100, 130}, {100, 100, 100, 100});
  EXPECT_EQ(e.count, 4);
  EXPECT_NEAR(e.bias, 0.075, 1e-12);
  EXPECT_NEAR(e.max, 0.3, 1e-12);
  EXPECT_NEAR(e.median, 0.1, 1e-12);
}

// Tables of a made-up device that obeys physics exactly, but for launches that fit its L2.
nlohmann::ordered_json samples(bool cached) {
  constexpr double kL2 = 60e6;
  const KernelLaw law = planted();
  const HeadShape heads{32, 128, 4096};
  nlohmann::ordered_json decode = nlohmann::ordered_json::array();
  nlohmann::ordered_json prefill = nlohmann::ordered_json::array();
  for (const double batch : {1, 2, 4, 16, 64})
    for (const double length : {16, 128, 256, 1024, 4096, 8192}) {
      const LaunchFeatures f = decode_launch(heads, batch, batch * length);
      const double kv = batch * length * 4096;
      const bool warm = cached && kv > 4e6 && kv < kL2;
      decode.push_back({batch, length, law.baseline(f) * (warm ? 0.6 : 1)});
      prefill.push_back({batch, length, 20 + batch * length * length * 1e-4});
    }
  const auto family = [](const nlohmann::ordered_json& rows) {
    return nlohmann::ordered_json{{"q_heads", 32},      {"kv_heads", 8},   {"head_dim", 128},
                                  {"kv_dtype", "bf16"}, {"extract", true}, {"rows", rows}};
  };
  return {{"device", {{"name", "x"}, {"l2_bytes", kL2}}},
          {"source", "imported"},
          {"origin", "made up"},
          {"decode",
           {{"grid", {{"batch", {1, 4, 64}}, {"kv_len", {16, 128, 1024, 8192}}}},
            {"families", {family(decode)}}}},
          {"prefill",
           {{"grid", {{"batch", {1, 4, 64}}, {"new_tokens", {16, 128, 1024, 8192}}}},
            {"families", {family(prefill)}}}},
          {"gemm", nlohmann::ordered_json::array()},
          {"all_reduce", nlohmann::ordered_json::array()}};
}

TEST(MakeProfile, PredictsHeldOutRowsOfADeviceThatObeysPhysics) {
  HoldoutErrors errors;
  (void)make_profile(samples(false), errors);
  EXPECT_EQ(errors.large_decode.count, 7);  // off the grid, more than 60 MB
  EXPECT_LT(errors.decode.max, 0.005);
  EXPECT_LT(errors.large_decode.max, 0.005);
}

TEST(MakeProfile, DoesNotBelieveTheCache) {
  HoldoutErrors errors;
  const nlohmann::ordered_json cold = make_profile(samples(false), errors);
  const nlohmann::ordered_json warm = make_profile(samples(true), errors);
  EXPECT_EQ(warm["families"][0]["coefficients"], cold["families"][0]["coefficients"]);
  EXPECT_LT(errors.large_decode.max, 0.005);
}

}  // namespace
}  // namespace kvsim
