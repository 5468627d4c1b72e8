#pragma once
// Words and numbers in a row. (fmt is not on every machine with a GPU; and of `"x" + string` g++ 12
// says -Wrestrict.)

#include <sstream>
#include <string>

namespace kvsim::calibrate {

template <class... Parts>
[[nodiscard]] std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

}  // namespace kvsim::calibrate
