#pragma once
// The files that a config names: its trace, and what it says about models, devices and prices.

#include <string>
#include <vector>

#include "sim/core/config_view.h"

namespace kvsim {

struct NamedFile {
  std::string pointer;  ///< The field that names it.
  std::string path;     ///< Absolute; nobody has looked whether it is there.
};

/// In one fixed order. Words that name something built in are no files. With these paths in their
/// places a config means the same wherever it is read from.
[[nodiscard]] std::vector<NamedFile> named_files(const ConfigView& config);

}  // namespace kvsim
