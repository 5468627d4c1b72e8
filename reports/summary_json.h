#pragma once
// summary.json: a Report as JSON, and back. Every field is defined in schema/summary.schema.json.
//
// Keys come in one fixed order, numbers have at most six decimals (a millisecond to the
// nanosecond), counts are integers, nothing is NaN or infinite. Equal reports give equal bytes.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "sim/model/report.h"

namespace kvsim {

inline constexpr int kSummarySchemaVersion = 1;

/// What every written number is rounded to. Aborts on NaN and infinity: a report has none.
[[nodiscard]] double six_decimals(double x);

[[nodiscard]] nlohmann::ordered_json summary_json(const Report& report);
/// The file's text: two spaces of indent, a newline at the end.
[[nodiscard]] std::string summary_text(const Report& report);

/// Reads it back. Keys it does not know are passed over (a newer kvsim may say more). `file` names
/// the source in InputErrors: another schema_version, a missing key, a value of the wrong type.
[[nodiscard]] Report read_summary(const nlohmann::ordered_json& document, std::string_view file);

}  // namespace kvsim
