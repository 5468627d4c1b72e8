// Every scenario of configs/scenarios is run, and every figure it promises is checked.
//
// An expectation names a metric of summary.json and a variant, and says equals (with tolerance),
// min or max; with "over" the metric is the ratio to that of another variant.
#include <algorithm>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
#include "sim/cli/variants.h"
#include "sim/engine/experiment.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

class Scenario : public testing::TestWithParam<std::string> {};

double metric(const std::map<std::string, Json>& summaries, const std::string& variant,
              const std::string& pointer) {
  const auto found = summaries.find(variant);
  if (found == summaries.end()) {
    ADD_FAILURE() << "no variant '" << variant << "'";
    return 0;
  }
  return found->second.at(Json::json_pointer(pointer)).get<double>();
}

void check(const Json& expectation, const std::map<std::string, Json>& summaries) {
  const std::string pointer = expectation.at("metric").get<std::string>();
  double value = metric(summaries, expectation.at("variant").get<std::string>(), pointer);
  if (expectation.contains("over"))
    value /= metric(summaries, expectation["over"].get<std::string>(), pointer);
  const std::string what = expectation.dump();
  ASSERT_TRUE(expectation.contains("equals") || expectation.contains("min") ||
              expectation.contains("max"))
      << what;
  if (expectation.contains("equals")) {
    EXPECT_NEAR(value, expectation["equals"].get<double>(), expectation.value("tolerance", 1e-6))
        << what;
  }
  if (expectation.contains("min")) {
    EXPECT_GE(value, expectation["min"].get<double>()) << what;
  }
  if (expectation.contains("max")) {
    EXPECT_LE(value, expectation["max"].get<double>()) << what;
  }
}

TEST_P(Scenario, KeepsItsPromises) {
  const Json document = parse_json(*builtin_config("scenarios", GetParam()), GetParam());
  std::map<std::string, Json> summaries;
  for (const PlannedRun& run : plan_variants(load_config("test", GetParam()), {})) {
    summaries[run.label] = summary_json(run_experiment(run.config));
    // Somebody who looks closely has every sequence planned for itself (lockstep_test.cc).
    Observer closely;
    EXPECT_EQ(summary_json(run_experiment(run.config, std::vector<Observer*>{&closely})),
              summaries[run.label]);
  }
  EXPECT_FALSE(document.value("description", "").empty());
  for (const Json& expectation : document.value("expect", Json::array()))
    check(expectation, summaries);
}

INSTANTIATE_TEST_SUITE_P(BuiltIn, Scenario, testing::ValuesIn(builtin_config_names("scenarios")),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '-' || c == '/'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace kvsim
