// Cost profiles: the committed ones keep what they state, and what is none is refused.
#include "sim/engine/cost/profile.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kernels/fit/make_profile.h"
#include "sim/core/input_error.h"
#include "sim/model/builtin_configs.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

CostProfile committed(const std::string& name) {
  return parse_profile(*builtin_config("costs", name), name + ".json", name);
}

Json document(const std::string& name) { return Json::parse(*builtin_config("costs", name)); }

TEST(Profiles, AreOfDevicesWeShip) {
  const std::vector<std::string> names = builtin_config_names("costs");
  EXPECT_GE(names.size(), 5U);
  for (const std::string& name : names) {
    const CostProfile profile = committed(name);
    EXPECT_TRUE(builtin_config("devices", profile.device)) << name;
    EXPECT_EQ(name, profile.measured ? profile.device : profile.device + "-imported");
    EXPECT_EQ(profile.id.size(), 8U);
    EXPECT_FALSE(profile.families.empty());
  }
}

/// Predictions of the rows that travel with a profile, which its fit has not seen.
ErrorSummary replayed(const CostProfile& profile, AttentionPhase phase) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const KernelFamily& f : profile.families) {
    if (f.phase != phase || f.law.form != LawForm::kRooflineRatio) continue;
    const double bytes = static_cast<double>(bits_of(f.kv)) / 8;
    const HeadShape heads{static_cast<double>(f.q_heads), static_cast<double>(f.head_dim),
                          2 * bytes * static_cast<double>(f.kv_heads * f.head_dim)};
    for (const auto& [batch, length, us] : f.holdout_rows) {
      const LaunchFeatures launch =
          phase == AttentionPhase::kDecode
              ? decode_launch(heads, batch, batch * length)
              : prefill_launch(heads, batch, batch * length, batch * length,
                               batch * length * (length + 1) / 2);
      predicted.push_back(f.law.microseconds(launch));
      measured.push_back(us);
    }
  }
  return summarise(predicted, measured);
}

// The target of this kind of profile: 4 % median on decodes of much KV.
TEST(Profiles, PredictRowsTheyHaveNotSeen) {
  for (const std::string& name : builtin_config_names("costs")) {
    const CostProfile profile = committed(name);
    if (profile.measured) continue;
    const ErrorSummary decode = replayed(profile, AttentionPhase::kDecode);
    EXPECT_GE(decode.count, 50) << name;
    EXPECT_LE(decode.median, 0.04) << name;
    EXPECT_LE(decode.p95, 0.20) << name;
    const ErrorSummary prefill = replayed(profile, AttentionPhase::kPrefill);
    EXPECT_GE(prefill.count, 50) << name;
    EXPECT_LE(prefill.median, 0.05) << name;
    // What it states is over the whole table, and near what the extract shows.
    EXPECT_LE(profile.holdout_error, 0.04) << name;
    EXPECT_NEAR(profile.holdout_error, decode.median, 0.015) << name;
  }
}

// With the published tables at hand (KVSIM_TIMINGS: a folder that holds h200/ and devices/), every
// committed profile comes out of them again, byte for byte.
TEST(Profiles, ComeOutOfTheirTablesAgain) {
  const char* tables = std::getenv("KVSIM_TIMINGS");
  if (tables == nullptr) GTEST_SKIP() << "KVSIM_TIMINGS is not set";
  const std::vector<std::pair<std::string, std::string>> folders{{"h200", "h200"},
                                                                 {"h100", "devices/h100_sxm"},
                                                                 {"a100-80gb", "devices/a100_sxm"},
                                                                 {"b200", "devices/b200_sxm"},
                                                                 {"l40s", "devices/l40s"}};
  for (const auto& [device, folder] : folders) {
    const fs::path samples = fs::path(testing::TempDir()) / (device + "-samples.json");
    const std::string command =
        fmt::format("python3 {}/kernels/import_published.py {}/{} --device {} > {}",
                    KVSIM_SOURCE_DIR, tables, folder, device, samples.string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(cert-env33-c)
    std::ifstream in(samples);
    HoldoutErrors errors;
    const Json made = make_profile(Json::parse(in), errors);
    EXPECT_LE(errors.large_decode.median, 0.04) << device;
    EXPECT_LE(errors.prefill.median, 0.04) << device;
    EXPECT_LE(errors.gemm.median, 0.05) << device;
    EXPECT_TRUE(profile_text(made) == *builtin_config("costs", device + "-imported"))
        << device << ": make configs/costs again (configs/README.md)";
  }
}

std::string error_of(const std::string& text) {
  try {
    (void)parse_profile(text, "p.json", "p");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseProfile, SaysWhatIsWrong) {
  const Json whole = document("a100-80gb-imported");
  EXPECT_EQ(error_of(whole.dump()), "no error");
  const auto with = [&](const std::string& pointer, const Json& value) {
    Json changed = whole;
    changed[Json::json_pointer(pointer)] = value;
    return error_of(changed.dump());
  };
  EXPECT_EQ(with("/schema_version", 2),
            "p.json: /schema_version: this kvsim reads version 1, got 2; make the profile again "
            "with its kvsim-fit or kvsim-calibrate");
  EXPECT_EQ(with("/source", "rumour"),
            "p.json: /source: no source named 'rumour'; known: measured, imported");
  EXPECT_EQ(with("/families/3/grid", "x"), "p.json: /families/3/grid: no grid named 'x' in /grids");
  EXPECT_EQ(with("/families/3/kv_dtype", "fp7"),
            "p.json: /families/3/kv_dtype: no number format named 'fp7'");
  EXPECT_EQ(with("/families/0/heads/1", 0),
            "p.json: /families/0/heads: expected at least 1 of each");
  EXPECT_EQ(with("/families/0/coefficients", {1, 2}),
            "p.json: /families/0/coefficients: expected 4 numbers, got 2");
  EXPECT_EQ(with("/families/0/permille/0", 0),
            "p.json: /families/0/permille: a ratio is not positive");
  EXPECT_EQ(with("/families/0/permille/0", "x"),
            "p.json: /families/0/permille: expected a list of numbers, 0 to 1e+15");
  EXPECT_EQ(with("/grids/decode/u/0", 5000),
            "p.json: /families/0/permille: an axis is not positive and increasing");
  EXPECT_EQ(with("/grids/decode/op", "copy"),
            "p.json: /grids/decode/op: no operation named 'copy'; known: decode, prefill");
  EXPECT_EQ(with("/forms/roofline-ratio/0", "x"),
            "p.json: /forms/roofline-ratio: not the terms this kvsim knows");
  EXPECT_EQ(with("/gemm/0/m/1", 1),
            "p.json: /gemm/0/m: expected at least two numbers, positive and increasing");
  EXPECT_EQ(with("/families", 7), "p.json: /families: expected a list, got 7");
  EXPECT_EQ(error_of("{}"), "p.json: /schema_version: missing");
}

// No key that is taken away, no piece cut off may crash the reader.
TEST(ParseProfile, SurvivesDamage) {
  const Json whole = document("a100-80gb-imported");
  for (const auto& [key, value] : whole.items()) {
    Json damaged = whole;
    damaged.erase(key);
    (void)error_of(damaged.dump());
    damaged[key] = nullptr;
    (void)error_of(damaged.dump());
  }
  const std::string text = whole.dump();
  for (std::size_t cut = 0; cut < text.size(); cut += 4099)
    EXPECT_NE(error_of(text.substr(0, cut)), "no error");
}

TEST(CostProfile, ThatIsBrokenEndsARunWithOneLine) {
  const fs::path file = fs::path(testing::TempDir()) / "kvsim_broken_profile.json";
  std::ofstream(file) << "{\"schema_version\": 9}";
  const Outcome outcome = run_program("run --set /cost_profile=" + file.string());
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_NE(outcome.err.find("kvsim_broken_profile.json: /schema_version: "), std::string::npos);
  const Outcome missing = run_program("run --set /cost_profile=no/such.json");
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.err.find("cannot read"), std::string::npos) << missing.err;
}

TEST(AllReduceLines, AreTheLowerOfTwo) {
  const AllReduceLines lines{8, 5, 1e-3, 20, 1e-4};
  EXPECT_DOUBLE_EQ(lines.microseconds(1000), 6);
  EXPECT_DOUBLE_EQ(lines.microseconds(1e6), 120);
}

}  // namespace
}  // namespace kvsim
