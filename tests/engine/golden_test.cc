// Golden runs: the demo's variants, by fingerprint and a few figures. A change here is a change of
// behaviour: explain it in the commit. Release and debug builds check the same file, so they give
// the same bytes. The laws these numbers obey are in laws_test.cc and closed_forms_test.cc.
// Regenerate with KVSIM_UPDATE_GOLDEN=1.
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
#include "sim/cli/variants.h"
#include "sim/core/hash.h"
#include "sim/engine/experiment.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// The config digest moves whenever the demo's config does; the runs need not: left out.
Json golden_of(Report report) {
  report.provenance.config_digest = report.provenance.version = "";
  Digest summary;
  summary.add(summary_text(report));
  return {{"fingerprint", report.provenance.fingerprint},
          {"summary_digest", fmt::format("{:016x}", summary.value())},
          {"hit_tokens", report.prefix_cache.hit_tokens},
          {"evictions", report.evictions},
          {"preemptions", report.preemptions},
          {"e2e_mean_ms", six_decimals(report.e2e_ms.mean)}};
}

TEST(Golden, TheDemoDoesExactlyThis) {
  const std::string path = std::string(KVSIM_SOURCE_DIR) + "/tests/golden/demo.json";
  Json actual;
  // At a roofline's prices, which change with no table; and once at those of the device's profile.
  for (const PlannedRun& run : plan_variants(load_config("test", "demo"), {"/cost=roofline"}))
    actual[run.label] = golden_of(run_experiment(run.config));
  const PlannedRun first = plan_variants(load_config("test", "demo"), {}).front();
  actual[first.label + ", imported"] = golden_of(run_experiment(first.config));
  if (std::getenv("KVSIM_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << actual.dump(2) << '\n';
    GTEST_SKIP() << "wrote " << path;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const Json expected = Json::parse(file);
  EXPECT_EQ(actual, expected) << Json::diff(expected, actual).dump(1);
}

}  // namespace
}  // namespace kvsim
