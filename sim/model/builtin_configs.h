#pragma once
// The JSON files of configs/, embedded when the program is built: it runs from any folder.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvsim {

/// The text of configs/KIND/NAME.json; `kind` is "models", "devices", "scenarios" or "costs". A
/// name may have folders in it: "interview/why-paged".
[[nodiscard]] std::optional<std::string_view> builtin_config(std::string_view kind,
                                                             std::string_view name);

/// Names, sorted.
[[nodiscard]] std::vector<std::string> builtin_config_names(std::string_view kind);

}  // namespace kvsim
