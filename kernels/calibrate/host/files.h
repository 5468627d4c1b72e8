#pragma once
// Files in and out; both throw BadInput("FILE: what is wrong").

#include <string>

namespace kvsim::calibrate {

[[nodiscard]] std::string read_file(const std::string& path);
/// Written aside, then renamed: the file is whole or not there. Makes its folder.
void write_file(const std::string& path, const std::string& content);

}  // namespace kvsim::calibrate
