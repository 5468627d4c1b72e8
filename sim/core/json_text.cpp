#include "sim/core/json_text.h"

#include <nlohmann/json.hpp>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

struct Place {
  std::size_t line, column;
};

Place place_of(std::string_view text, std::size_t byte) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i + 1 < byte && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return {line, column};
}

}  // namespace

Json parse_json(std::string_view text, std::string_view file) {
  try {
    return Json::parse(text, nullptr, true, /*ignore_comments=*/true);
  } catch (const Json::parse_error& error) {
    // The library's text is "[json.exception...] parse error at line 1, column 2: WHAT".
    std::string what = error.what();
    const std::size_t colon = what.find(": ");
    if (colon != std::string::npos) what = what.substr(colon + 2);
    const Place place = place_of(text, error.byte);
    throw InputError(file, place.line, place.column, "not JSON: " + what);
  }
}

std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 60;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (value.is_string()) text = '\'' + text.substr(1, text.size() - 2) + '\'';
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace kvsim
