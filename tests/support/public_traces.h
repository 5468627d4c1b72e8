#pragma once
// Public traces are not part of the repository; tests that replay them look in $KVSIM_TRACES.

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace kvsim {

/// The path of a public trace, or "" if there is none here.
inline std::string public_trace(const std::string& name) {
  const char* folder = std::getenv("KVSIM_TRACES");
  if (folder == nullptr) return "";
  const auto path = std::filesystem::path(folder) / name;
  return std::filesystem::exists(path) ? path.string() : "";
}

}  // namespace kvsim

#define KVSIM_SKIP_WITHOUT(path)                                  \
  if ((path).empty())                                             \
  GTEST_SKIP() << "needs the public traces: set KVSIM_TRACES to " \
                  "the folder that holds them"
