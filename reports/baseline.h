#pragma once
// A baseline: the figures of a run that later runs are held to, each within a tolerance.
//
// {"schema_version", "config_digest", "trace_digest", "config", "tolerances", "values"}; every key
// is defined in schema/baseline.schema.json. Runs are deterministic, so a tolerance of 0 is legal,
// and the default. A figure is crossed when it is worse than its value by more than its tolerance;
// one of which more is neither good nor bad is held to its value only if it has a tolerance of its
// own.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "reports/figures.h"
#include "reports/finding.h"

namespace kvsim {

inline constexpr int kBaselineSchemaVersion = 1;

struct Tolerance {
  double amount = 0;
  bool relative = false;  ///< `amount` is a share of the baseline's value: "2%" is 0.02.
};

struct Baseline {
  std::string config_digest, trace_digest;
  nlohmann::ordered_json config = nlohmann::ordered_json::object();  ///< ConfigView::identity().
  /// By figure ("ttft_ms p(99)"), metric ("ttft_ms") or "*", the most precise one counts.
  std::map<std::string, Tolerance, std::less<>> tolerances{{"*", {}}};
  Figures values;
};

/// `file` names the source in InputErrors: another schema_version, a missing or unknown key, an
/// unknown metric, a tolerance that is none.
[[nodiscard]] Baseline read_baseline(const nlohmann::ordered_json& document, std::string_view file);
/// The file's text. Equal baselines give equal bytes.
[[nodiscard]] std::string baseline_text(const Baseline& baseline);

/// One finding per value that is held, in the order of their names.
[[nodiscard]] std::vector<Finding> judge(const Baseline& baseline, const Figures& figures);

}  // namespace kvsim
