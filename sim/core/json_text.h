#pragma once
// JSON as people write it and as errors show it.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kvsim {

/// Parses JSON with `//` and `/* */` comments. `file` only names the source in the InputError,
/// which carries line:column.
[[nodiscard]] nlohmann::ordered_json parse_json(std::string_view text, std::string_view file);

/// A value in one short line: strings in single quotes, long ones cut.
[[nodiscard]] std::string shown(const nlohmann::ordered_json& value);

}  // namespace kvsim
