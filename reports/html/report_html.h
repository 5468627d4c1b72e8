#pragma once
// report.html: one self-contained page, drawn by the script in reports/web from one JSON value.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kvsim {

/// The page with `payload` (reports/html/payload.h) in it. No text of the payload can end the
/// script it lies in; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string report_html(const nlohmann::ordered_json& payload);

/// The page without a payload: reports/web/dist/report.html, built into the program.
[[nodiscard]] std::string_view report_template();

}  // namespace kvsim
