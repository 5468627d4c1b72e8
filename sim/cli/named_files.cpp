#include "sim/cli/named_files.h"

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kvsim {
namespace {

namespace fs = std::filesystem;

bool is_path(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".json");
}

std::string from_root(const fs::path& path) {
  return fs::absolute(path).lexically_normal().string();
}

// What may name a file instead of something built in; a cost profile always does.
constexpr std::array kNames{"/model", "/device", "/speculative/model", "/cost_profile"};

std::vector<NamedFile> files_in(const nlohmann::ordered_json& said, const std::string& inside,
                                const fs::path& folder) {
  std::vector<NamedFile> files;
  for (const std::string name : kNames) {
    const nlohmann::ordered_json::json_pointer pointer(name);
    if (!said.contains(pointer) || !said[pointer].is_string()) continue;
    const auto word = said[pointer].get<std::string>();
    if (name == "/cost_profile" || is_path(word))
      files.push_back({inside + name, from_root(folder / word)});
  }
  return files;
}

}  // namespace

std::vector<NamedFile> named_files(const ConfigView& config) {
  const fs::path folder = fs::path(config.file()).parent_path();
  std::vector<NamedFile> files;
  if (config.has("/workload/trace")) {
    const fs::path trace = config.text("/workload/trace");  // as seen from here, else from there
    std::error_code ignored;
    files.push_back(
        {"/workload/trace", from_root(fs::exists(trace, ignored) ? trace : folder / trace)});
  }
  const auto add = [&](const nlohmann::ordered_json& said, const std::string& inside) {
    for (NamedFile& file : files_in(said, inside, folder)) files.push_back(std::move(file));
  };
  add(config.resolved(), "");
  const nlohmann::ordered_json pools = config.tree("/pools");
  for (std::size_t i = 0; i < pools.size(); ++i)
    if (pools.is_array()) add(pools[i], fmt::format("/pools/{}", i));
  return files;
}

}  // namespace kvsim
