#pragma once
// A file that appears complete or not at all: written aside, then renamed into place.

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kvsim {

/// Where a writer puts its text, piece by piece.
using Sink = std::function<void(std::string_view)>;

class AtomicFile {
 public:
  /// Creates the file to write aside, in the folder of `path` (which must exist). Throws InputError
  /// if that fails, or if `path` is there and no regular file: before any work was done for it.
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  /// Without a commit() nothing is left behind.
  ~AtomicFile();

  /// Never throws: a failure (disk full) is remembered, and told by commit().
  void write(std::string_view text);
  /// Puts the file in place, over an older one if there is one. Throws InputError, and leaves
  /// nothing, if any part of it could not be written.
  void commit();
  /// write() as a sink; it must not outlive this file.
  [[nodiscard]] Sink sink() {
    return [this](std::string_view text) { write(text); };
  }

 private:
  [[noreturn]] void fail(int error);

  std::string path_;
  std::string aside_;
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  int error_ = 0;  ///< errno of the first failed write.
};

/// The whole file at once.
void write_file(const std::string& path, std::string_view text);

}  // namespace kvsim
