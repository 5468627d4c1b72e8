#pragma once
// What the points of a sweep read besides their config: kept in the sweep's folder by content, as
// inputs/DIGEST/NAME, so that the folder is all a worker elsewhere needs.

#include <map>
#include <string>

#include "sim/core/config_view.h"

namespace kvsim {

/// Digest of a file's bytes, 16 hex digits. Throws InputError if it is no readable regular file.
[[nodiscard]] std::string file_digest(const std::string& path);

/// The files that configs name.
class InputFiles {
 public:
  struct Kept {
    std::string digest;
    std::string place;  ///< Inside the sweep's folder.
  };
  /// Reads it to the end, once however often it is named. Throws InputError.
  const Kept& keep(const std::string& path);
  /// Copies those that are not there, or not whole. Throws InputError.
  void copy_to(const std::string& folder) const;

 private:
  std::map<std::string, Kept> kept_;  // by path
};

}  // namespace kvsim
