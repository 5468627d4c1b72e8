#include "sim/cli/config_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"
#include "sim/core/spelling.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const DeclaredFields kFields{
    text_field("/description", "\"\"", "What this config is for; changes nothing."),
    tree_field("/variants", "{}",
               "What `compare` runs side by side: label -> {\"/json/pointer\": value, ...}."),
    tree_field("/expect", "[]", "What the project's tests hold a scenario to; changes no run."),
};

void resolve_trace(Json& document, const fs::path& folder) {
  const Json::json_pointer trace("/workload/trace");
  if (!document.is_object() || !document.contains(trace)) return;
  Json& value = document[trace];
  if (!value.is_string() || fs::path(value.get<std::string>()).is_absolute()) return;
  value = (folder / value.get<std::string>()).lexically_normal().string();
}

void check_variants(const LoadedConfig& loaded) {
  const auto fail = [&loaded](const std::string& where, std::string_view problem) {
    throw InputError(loaded.origin, "/variants" + where, problem);
  };
  if (!loaded.variants.is_object()) fail("", "expected an object of label: settings");
  for (const auto& [label, settings] : loaded.variants.items())
    if (!settings.is_object()) fail("/" + label, "expected an object of \"/json/pointer\": value");
}

LoadedConfig split_off_notes(ConfigView config, std::string origin) {
  LoadedConfig loaded;
  loaded.origin = std::move(origin);
  loaded.description = config.text("/description");
  loaded.variants = config.tree("/variants");
  check_variants(loaded);
  config.set("/description", "", loaded.origin);
  config.set("/variants", Json::object(), loaded.origin);
  config.set("/expect", Json::array(), loaded.origin);
  loaded.config = std::move(config);
  return loaded;
}

LoadedConfig load_json(const std::string& path) {
  Json document = parse_json(read_text_file(path), path);
  resolve_trace(document, fs::path(path).parent_path());
  return split_off_notes(ConfigView(document, path), path);
}

LoadedConfig load_scenario(std::string_view name, std::string_view text) {
  // No file name: paths that a --set adds start at the current folder, not where this once lay.
  const std::string origin = fmt::format("scenario {}", name);
  return split_off_notes(ConfigView::parse(text, origin), origin);
}

LoadedConfig load_trace(std::string_view verb, const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    const std::vector<std::string> scenarios = builtin_config_names("scenarios");
    throw InputError(fmt::format("kvsim {}", verb), path,
                     fmt::format("no such file, and no built-in scenario; known: {}{}",
                                 joined(scenarios), did_you_mean(path, scenarios)));
  }
  LoadedConfig loaded;
  loaded.origin = path;
  loaded.config.set("/workload/trace", path, fmt::format("kvsim {}", verb));
  return loaded;
}

}  // namespace

std::string read_text_file(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw InputError(path, "cannot read", "it is a folder");
  errno = 0;
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) throw InputError(path, "cannot read", std::generic_category().message(errno));
  return text.str();
}

// A scenario comes before a trace so that its name means the same in every folder: ./NAME is a
// file of that name.
LoadedConfig load_config(std::string_view verb, const std::optional<std::string>& argument) {
  if (!argument) return {};
  if (argument->ends_with(".json")) return load_json(*argument);
  if (const auto text = builtin_config("scenarios", *argument))
    return load_scenario(*argument, *text);
  return load_trace(verb, *argument);
}

}  // namespace kvsim
