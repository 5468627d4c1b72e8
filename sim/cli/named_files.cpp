#include "sim/cli/named_files.h"

#include <filesystem>
#include <system_error>

namespace kvsim {
namespace {

namespace fs = std::filesystem;

bool is_path(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".json");
}

std::string from_root(const fs::path& path) {
  return fs::absolute(path).lexically_normal().string();
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
  for (const char* pointer : {"/model", "/device", "/speculative/model"})
    if (config.has(pointer) && is_path(config.text(pointer)))
      files.push_back({pointer, from_root(folder / config.text(pointer))});
  if (config.has("/cost_profile"))
    files.push_back({"/cost_profile", from_root(folder / config.text("/cost_profile"))});
  return files;
}

}  // namespace kvsim
