#include "kernels/calibrate/host/device_name.h"

#include <cctype>
#include <sstream>
#include <vector>

namespace kvsim::calibrate {
namespace {

std::vector<std::string> lower_words(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    const bool part = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (part)
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool digits_in(const std::string& word) {
  return word.find_first_of("0123456789") != std::string::npos;
}

}  // namespace

std::string short_device_name(const std::string& name) {
  std::string shortened;
  bool sizes_matter = false;  // an A100 comes with 40 or 80 GB
  for (const std::string& word : lower_words(name)) {
    if (word == "nvidia" || word == "geforce" || word == "tesla") continue;
    const bool size = word.ends_with("gb");
    if (!shortened.empty() && digits_in(shortened) && !(size && sizes_matter)) continue;
    shortened += (shortened.empty() ? "" : "-") + word;
    sizes_matter = word == "a100";
    if (size) break;
  }
  return shortened.empty() ? "gpu" : shortened;
}

}  // namespace kvsim::calibrate
