// summary.json says everything a Report holds, in words its schema defines, and reads back.
#include "reports/summary_json.h"

#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// Every leaf gets a value of its own, so that a field read into the wrong place shows.
void number_leaves(Json& node, int& next) {
  for (auto& child : node) {
    ++next;
    if (child.is_structured())
      number_leaves(child, next);
    else if (child.is_string())
      child = std::to_string(next);
    else if (child.is_number_unsigned() || child.is_number_integer())
      child = next;
    else
      child = next + 0.25;
  }
}

// With everything that is only there at times.
Report whole_report() {
  Report report;
  report.speculation.emplace().per_position = {0.5, 0.25};
  report.pools.resize(2);
  Report::Requests& r = report.requests;
  for (auto* count : {&r.rejected_queue_full, &r.rejected_tokens_full, &r.rejected_over_rate,
                      &r.lost, &r.retries})
    *count = 0;
  report.prefix_cache.loaded.emplace();
  report.slo = SloReport{SloTerm{}, SloTerm{}, SloTerm{}, 0};
  report.tiers.resize(3);
  for (Report::Tier& tier : report.tiers) tier.lost_tokens = 0;
  report.failed_loads.emplace();
  for (Quantiles* q :
       {&report.ttft_ms, &report.tpot_ms, &report.itl_ms, &report.e2e_ms, &report.queue_ms})
    q->deviation = 0;
  return report;
}

Json numbered_summary() {
  Report report = whole_report();
  report.prefix_cache.by_turn.resize(2);
  report.by_priority.resize(2);
  Json document = summary_json(report);
  int next = 0;
  number_leaves(document, next);
  document["schema_version"] = kSummarySchemaVersion;
  return Json::parse(document.dump());  // as a file has it: no sign, no signed integer
}

Json schema() {
  const std::string path = KVSIM_SOURCE_DIR "/reports/schema/summary.schema.json";
  return parse_json(text_of(path), path);
}

bool is_of_type(const Json& value, const Json& type) {
  if (type.is_array())
    return std::any_of(type.begin(), type.end(),
                       [&](const Json& one) { return is_of_type(value, one); });
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  return type == "null" && value.is_null();
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// Said only where there is something to say; whole_report() has each of them somewhere.
const std::vector<std::string> optional_keys{"pools",
                                             "speculation",
                                             "slo",
                                             "ttft",
                                             "tpot",
                                             "e2e",
                                             "std",
                                             "loaded",
                                             "tiers",
                                             "lost_tokens",
                                             "failed_loads",
                                             "rejected_queue_full",
                                             "rejected_tokens_full",
                                             "rejected_over_rate",
                                             "lost",
                                             "retries"};

// The part of JSON Schema that ours uses.
void expect_valid(const Json& value, Json rule, const std::string& pointer) {
  EXPECT_TRUE(rule.contains("description")) << pointer;
  if (rule.contains("$ref"))
    rule.update(schema().at(Json::json_pointer(rule["$ref"].get<std::string>().substr(1))));
  ASSERT_TRUE(is_of_type(value, rule["type"])) << pointer << " = " << value;
  if (rule["type"] == "array") {
    EXPECT_LE(value.size(), rule["maxItems"].get<std::size_t>()) << pointer;
    for (const Json& row : value) expect_valid(row, rule["items"], pointer + "/0");
    return;
  }
  if (rule["type"] != "object") {
    EXPECT_TRUE(rule.contains("unit")) << pointer;
    const bool bounded = rule.contains("minimum") && value.is_number();
    EXPECT_TRUE(!bounded || value >= rule["minimum"]) << pointer;
    return;
  }
  EXPECT_EQ(rule["additionalProperties"], false) << pointer;
  for (const std::string& key : optional_keys)
    if (!value.contains(key)) rule["properties"].erase(key);
  EXPECT_EQ(keys_of(value), keys_of(rule["properties"])) << pointer;
  std::vector<std::string> required = keys_of(rule["properties"]);
  for (const std::string& key : optional_keys) std::erase(required, key);
  EXPECT_EQ(rule["required"], Json(required)) << pointer;
  for (const auto& [key, child] : value.items())
    expect_valid(child, rule["properties"][key], pointer + "/" + key);
}

std::string error_of(const Json& document) {
  try {
    (void)read_summary(document, "a/summary.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(SummaryJson, EqualsItsSchemaKeyByKeyInOrder) {
  const Json rules = schema();
  Json top = rules;
  top.erase("$defs");
  expect_valid(summary_json(whole_report()), top, "");
  Report calibrated = whole_report();
  calibrated.provenance.cost_holdout_error = 0.03;
  calibrated.prefix_cache.by_turn.resize(Report::PrefixCache::kTurnRows);
  calibrated.by_priority.resize(Report::kPriorityRows);
  expect_valid(summary_json(calibrated), top, "");
}

TEST(SummaryJson, IsSilentAboutGuessesThatNobodyMade) {
  EXPECT_FALSE(summary_json(Report{}).contains("speculation"));
  EXPECT_FALSE(read_summary(summary_json(Report{}), "a").speculation);
  Json bad = summary_json(whole_report());
  bad["speculation"]["per_position"] = {0.5, "half"};
  EXPECT_EQ(error_of(bad), "a/summary.json: /speculation/per_position: expected a list of numbers");
}

TEST(SummaryJson, IsSilentAboutPoolsWhereThereIsOne) {
  EXPECT_FALSE(summary_json(Report{}).contains("pools"));
  EXPECT_TRUE(read_summary(summary_json(Report{}), "a").pools.empty());
  Json bad = summary_json(whole_report());
  bad["pools"][1]["gpus"] = "two";
  EXPECT_EQ(error_of(bad), "a/summary.json: /pools/1/gpus: expected an integer");
}

TEST(SummaryJson, IsSilentAboutTiersThatAreNotThere) {
  EXPECT_FALSE(summary_json(Report{}).contains("tiers"));
  EXPECT_TRUE(read_summary(summary_json(Report{}), "a").tiers.empty());
  Json bad = summary_json(whole_report());
  bad["tiers"][1].erase("bytes_in");
  EXPECT_EQ(error_of(bad),
            "a/summary.json: /tiers/1/bytes_in: missing: not a summary of this kvsim");
}

TEST(SummaryJson, SaysOnlyTheObjectivesThatWereSet) {
  EXPECT_FALSE(summary_json(Report{}).contains("slo"));
  Report report;
  report.slo.emplace().tpot = SloTerm{50, 3};
  EXPECT_EQ(summary_json(report)["slo"].dump(),
            R"({"good":0,"tpot":{"limit_ms":50.0,"missed":3}})");
  EXPECT_FALSE(read_summary(summary_json(report), "a").slo->ttft);
}

TEST(SummaryJson, ReadsBackWhatItWrote) {
  const Json written = numbered_summary();
  EXPECT_EQ(summary_json(read_summary(written, "a")), written);
  EXPECT_EQ(summary_text(read_summary(written, "a")), written.dump(2) + "\n");
}

TEST(SummaryJson, RoundsToSixDecimals) {
  Report report;
  report.duration_s = 1.0 / 3;
  report.ttft_ms.mean = -0.0;
  report.throughput.request_per_s = 12345678.0;
  const Json json = summary_json(report);
  EXPECT_EQ(json["duration_s"].dump(), "0.333333");
  EXPECT_EQ(json["ttft_ms"]["mean"].dump(), "0.0");
  EXPECT_EQ(json["throughput"]["request_per_s"].dump(), "12345678.0");
  EXPECT_EQ(json["requests"]["total"].dump(), "0");
}

TEST(SummaryJson, CallsAnUnknownHoldOutErrorNull) {
  EXPECT_TRUE(summary_json(Report{})["provenance"]["cost_holdout_error"].is_null());
  EXPECT_EQ(read_summary(summary_json(Report{}), "a").provenance.cost_holdout_error, -1);
}

TEST(SummaryJson, SaysWhatIsWrongWithAFile) {
  Json document = numbered_summary();
  document["schema_version"] = 2;
  EXPECT_EQ(error_of(document), "a/summary.json: /schema_version: expected 1, got 2");
  document = numbered_summary();
  document["kv"].erase("usage");
  EXPECT_EQ(error_of(document), "a/summary.json: /kv/usage: missing: not a summary of this kvsim");
  document = numbered_summary();
  document["requests"]["total"] = "many";
  EXPECT_EQ(error_of(document), "a/summary.json: /requests/total: expected an integer");
  document = numbered_summary();
  document["provenance"]["seed"] = -1;
  EXPECT_EQ(error_of(document), "a/summary.json: /provenance/seed: expected an integer from 0");
  EXPECT_EQ(error_of(Json::array()), "a/summary.json: /: expected a summary object");
  EXPECT_EQ(error_of(Json::object()), "a/summary.json: /schema_version: expected 1, got null");
}

TEST(SummaryJson, PassesOverWhatANewerKvsimAdds) {
  Json document = numbered_summary();
  document["kv"]["of_tomorrow"] = 1;
  EXPECT_EQ(error_of(document), "no error");
}

}  // namespace
}  // namespace kvsim
