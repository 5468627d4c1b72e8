#include "sim/cli/sweep/inputs.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "reports/atomic_file.h"
#include "sim/core/hash.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;

// In pieces of one size, which the digest depends on. Opening a pipe would wait for a writer.
void read_pieces(const std::string& path, const Sink& sink) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    throw InputError(path, "cannot read", "it is no regular file, and a sweep keeps a copy");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string piece(kPiece, '\0');
  while (file.read(piece.data(), static_cast<std::streamsize>(kPiece)) || file.gcount() > 0)
    sink(std::string_view(piece).substr(0, static_cast<std::size_t>(file.gcount())));
  if (!file.eof()) throw InputError(path, "cannot read", std::generic_category().message(errno));
}

// The file's own name, which reports tell; of a Hugging Face config.json the folder's too, which is
// the model's name.
std::string kept_name(const fs::path& path) {
  const fs::path name = path.filename();
  return name == "config.json" ? (path.parent_path().filename() / name).string() : name.string();
}

void copy(const std::string& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) throw InputError(to.string(), "cannot create", error.message());
  AtomicFile file(to.string());
  read_pieces(from, file.sink());
  file.commit();
}

}  // namespace

std::string file_digest(const std::string& path) {
  Digest digest;
  read_pieces(path, [&digest](std::string_view piece) { digest.add(piece); });
  return fmt::format("{:016x}", digest.value());
}

const InputFiles::Kept& InputFiles::keep(const std::string& path) {
  const auto found = kept_.find(path);
  if (found != kept_.end()) return found->second;
  const std::string digest = file_digest(path);
  return kept_.emplace(path, Kept{digest, fmt::format("inputs/{}/{}", digest, kept_name(path))})
      .first->second;
}

void InputFiles::copy_to(const std::string& folder) const {
  for (const auto& [path, kept] : kept_) {
    const fs::path to = fs::path(folder) / kept.place;
    std::error_code ignored;
    if (!fs::is_regular_file(to, ignored) || file_digest(to.string()) != kept.digest)
      copy(path, to);
  }
}

}  // namespace kvsim
