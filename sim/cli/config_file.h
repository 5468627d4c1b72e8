#pragma once
// What the positional CONFIG of a verb means, turned into a checked ConfigView.

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"

namespace kvsim {

/// A config as found, before any --set. What only describes an experiment and does not define a
/// run (/description, /variants, /expect) is not in `config`: it must not change a digest.
struct LoadedConfig {
  ConfigView config;
  std::string origin = "defaults";  ///< Its file, for errors.
  std::string description;
  nlohmann::ordered_json variants = nlohmann::ordered_json::object();  ///< label -> settings.
};

/// `argument` is, in this order: a JSON file (*.json), a built-in scenario's name, a trace file
/// (everything else: it becomes /workload/trace and the rest are defaults). Nothing: defaults.
/// A relative /workload/trace inside a JSON file starts at that file's folder. `verb` names the
/// command in errors.
[[nodiscard]] LoadedConfig load_config(std::string_view verb,
                                       const std::optional<std::string>& argument);

/// The text of a file the user named; throws InputError if it cannot be read.
[[nodiscard]] std::string read_text_file(const std::string& path);

}  // namespace kvsim
