#include "kernels/calibrate/host/files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in || std::filesystem::is_directory(path))
    throw BadInput(text(path, ": cannot read it: ",
                        std::strerror(std::filesystem::exists(path) ? EISDIR : ENOENT)));
  return content.str();
}

void write_file(const std::string& path, const std::string& content) {
  namespace fs = std::filesystem;
  const fs::path to(path);
  std::error_code error;
  if (to.has_parent_path()) fs::create_directories(to.parent_path(), error);
  const fs::path aside = to.string() + ".part";
  std::ofstream out(aside, std::ios::binary);
  out << content;
  out.close();
  if (out) fs::rename(aside, to, error);
  if (!out || error) {
    std::error_code ignored;
    fs::remove(aside, ignored);
    throw BadInput(text(path, ": cannot write it"));
  }
}

}  // namespace kvsim::calibrate
