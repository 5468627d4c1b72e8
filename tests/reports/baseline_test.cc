// A baseline holds a run to its figures, in the direction that is worse, within tolerances.
#include "reports/baseline.h"

#include <gtest/gtest.h>

#include "sim/core/config_view.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Outcome = Finding::Outcome;

Baseline baseline() {
  Baseline b;
  b.config_digest = "0123456789abcdef";
  b.trace_digest = "fedcba9876543210";
  b.config["/cache/eviction"] = "fifo";
  b.values = {{"ttft_ms p(99)", 100}, {"prefix_cache.hit_rate", 0.5}, {"preemptions", 0}};
  return b;
}

Outcome outcome(const Baseline& b, const std::string& figure, double value) {
  Figures figures = b.values;
  figures[figure] = value;
  for (const Finding& finding : judge(b, figures))
    if (finding.figure == figure) return finding.outcome;
  ADD_FAILURE() << figure << " is not held";
  return Outcome::kKept;
}

Json document() { return Json::parse(baseline_text(baseline())); }

std::string error_of(const Json& document) {
  try {
    (void)read_baseline(document, "b.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Baseline, ReadsBackWhatItWrote) {
  Baseline b = baseline();
  b.tolerances = {{"*", {0.5, false}}, {"ttft_ms", {0.02, true}}};
  const std::string text = baseline_text(b);
  const Baseline back = read_baseline(Json::parse(text), "b.json");
  EXPECT_EQ(baseline_text(back), text);
  EXPECT_EQ(back.values, b.values);
  EXPECT_EQ(back.tolerances.at("ttft_ms").amount, 0.02);
  EXPECT_TRUE(back.tolerances.at("ttft_ms").relative);
  EXPECT_NE(text.find("\"ttft_ms\": \"2%\""), std::string::npos) << text;
}

TEST(Baseline, IsCrossedByWhatIsWorseOnly) {
  const Baseline b = baseline();
  EXPECT_EQ(outcome(b, "ttft_ms p(99)", 100), Outcome::kKept);
  EXPECT_EQ(outcome(b, "ttft_ms p(99)", 100.000001), Outcome::kCrossed) << "a tolerance of 0";
  EXPECT_EQ(outcome(b, "ttft_ms p(99)", 99), Outcome::kBetter);
  EXPECT_EQ(outcome(b, "prefix_cache.hit_rate", 0.499999), Outcome::kCrossed);
  EXPECT_EQ(outcome(b, "prefix_cache.hit_rate", 0.6), Outcome::kBetter);
}

TEST(Baseline, LeavesRoomForTolerances) {
  Baseline b = baseline();
  b.tolerances = {{"*", {0.02, true}}, {"ttft_ms", {5, false}}, {"preemptions", {0, false}}};
  EXPECT_EQ(outcome(b, "ttft_ms p(99)", 105), Outcome::kKept);
  EXPECT_EQ(outcome(b, "ttft_ms p(99)", 105.1), Outcome::kCrossed);
  EXPECT_EQ(outcome(b, "prefix_cache.hit_rate", 0.49), Outcome::kKept) << "2 % of 0.5";
  EXPECT_EQ(outcome(b, "prefix_cache.hit_rate", 0.4899), Outcome::kCrossed);
  EXPECT_EQ(outcome(b, "preemptions", 1), Outcome::kCrossed);
  b.tolerances["ttft_ms p(99)"] = {50, false};
  EXPECT_EQ(outcome(b, "ttft_ms p(99)", 150), Outcome::kKept) << "the most precise one counts";
}

// Where more is neither good nor bad, a change is no regression, unless somebody says it is.
TEST(Baseline, HoldsWhatHasNoDirectionOnlyIfAsked) {
  Baseline b = baseline();
  b.values["batch.steps"] = 1000;
  EXPECT_EQ(judge(b, b.values).size(), 3U);
  b.tolerances["batch.steps"] = {0.01, true};
  EXPECT_EQ(outcome(b, "batch.steps", 1010), Outcome::kKept);
  EXPECT_EQ(outcome(b, "batch.steps", 1011), Outcome::kCrossed);
  EXPECT_EQ(outcome(b, "batch.steps", 989), Outcome::kCrossed);
}

TEST(Baseline, IsCrossedByWhatIsNotMeasuredAnyMore) {
  const auto findings = judge(baseline(), {{"prefix_cache.hit_rate", 0.5}, {"preemptions", 0}});
  EXPECT_EQ(findings.at(2).figure, "ttft_ms p(99)");
  EXPECT_EQ(findings.at(2).outcome, Outcome::kCrossed);
  EXPECT_FALSE(findings.at(2).value);
}

TEST(Baseline, SaysWhatIsWrongWithAFile) {
  Json bad = document();
  bad["schema_version"] = 2;
  EXPECT_EQ(error_of(bad),
            "b.json: /schema_version: expected 1, got 2; --update-baseline writes a new one");
  EXPECT_EQ(error_of(Json::object()).substr(0, 44), "b.json: /schema_version: expected 1, got nul");
  EXPECT_EQ(error_of(Json::array()), "b.json: /: expected a baseline object");
  bad = document();
  bad.erase("values");
  EXPECT_EQ(error_of(bad), "b.json: /values: missing: not a baseline of this kvsim");
  bad = document();
  bad["values"] = 3;
  EXPECT_EQ(error_of(bad), "b.json: /values: expected an object");
  bad = document();
  bad["tolerance"] = 3;
  EXPECT_EQ(error_of(bad),
            "b.json: /tolerance: unknown key; known: schema_version, config_digest, trace_digest, "
            "config, tolerances, values (did you mean 'tolerances'?)");
  bad = document();
  bad["values"]["preemption"] = 3;
  EXPECT_EQ(error_of(bad),
            "b.json: /values/preemption: no metric named 'preemption' (did you mean "
            "'preemptions'?)");
  bad = document();
  bad["values"]["preemptions"] = "3";
  EXPECT_EQ(error_of(bad), "b.json: /values/preemptions: expected a number");
  for (const Json& wrong :
       {Json("2"), Json("x%"), Json("-1%"), Json(-1), Json(nullptr), Json("%")}) {
    bad = document();
    bad["tolerances"]["ttft_ms"] = wrong;
    EXPECT_TRUE(
        error_of(bad).starts_with("b.json: /tolerances/ttft_ms: expected a number from 0, "
                                  "or a share as in \"2%\", got "))
        << error_of(bad);
  }
  bad = document();
  bad["tolerances"]["tfft_ms"] = 0;
  EXPECT_EQ(error_of(bad),
            "b.json: /tolerances/tfft_ms: no metric named 'tfft_ms' (did you mean 'ttft_ms'?)");
}

TEST(Baseline, EqualsItsSchemaKeyByKeyInOrder) {
  const std::string path = KVSIM_SOURCE_DIR "/reports/schema/baseline.schema.json";
  const Json schema = parse_json(text_of(path), path);
  std::vector<std::string> keys;
  const Json written = document();
  for (const auto& [key, value] : written.items()) keys.push_back(key);
  EXPECT_EQ(schema["required"], Json(keys));
  for (const std::string& key : keys) {
    ASSERT_TRUE(schema["properties"].contains(key)) << key;
    EXPECT_TRUE(schema["properties"][key].contains("description")) << key;
  }
  EXPECT_EQ(schema["properties"].size(), keys.size());
  EXPECT_EQ(schema["properties"]["schema_version"]["const"], kBaselineSchemaVersion);
}

}  // namespace
}  // namespace kvsim
