#include "reports/atomic_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "sim/core/check.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

std::string meaning(int error) { return std::generic_category().message(error); }

// Renaming over a device or a pipe would put a file in its place, for everybody.
void refuse_what_is_no_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status) || fs::is_regular_file(status)) return;
  throw InputError(path, "cannot write",
                   fs::is_directory(status) ? "it is a folder" : "it is no regular file");
}

}  // namespace

// A name that nobody has keeps writers to one place out of each other's way: on two machines, or in
// two containers, that share a folder they may have the same process id.
AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  refuse_what_is_no_file(path_);
  for (int others = 0; !file_; ++others) {
    aside_ = fmt::format("{}.{}-{}.part", path_, getpid(), others);
    file_.reset(std::fopen(aside_.c_str(), "wbx"));
    if (!file_ && errno != EEXIST) throw InputError(path_, "cannot create", meaning(errno));
  }
}

AtomicFile::~AtomicFile() {
  if (!file_) return;
  file_.reset();
  (void)std::remove(aside_.c_str());
}

void AtomicFile::write(std::string_view text) {
  KVSIM_CHECK(file_ != nullptr, "a file is written before it is committed");
  if (error_ != 0) return;
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size())
    error_ = errno != 0 ? errno : EIO;
}

void AtomicFile::commit() {
  KVSIM_CHECK(file_ != nullptr, "a file is committed once");
  if (error_ == 0 && std::fflush(file_.get()) != 0) error_ = errno;
  if (std::fclose(file_.release()) != 0 && error_ == 0) error_ = errno;
  if (error_ != 0) fail(error_);
  if (std::rename(aside_.c_str(), path_.c_str()) != 0) fail(errno);
}

void AtomicFile::fail(int error) {
  (void)std::remove(aside_.c_str());
  throw InputError(path_, "cannot write", meaning(error));
}

void write_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace kvsim
