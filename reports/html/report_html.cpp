#include "reports/html/report_html.h"

#include <nlohmann/json.hpp>

#include "sim/core/check.h"

namespace kvsim {

std::string report_html(const nlohmann::ordered_json& payload) {
  constexpr std::string_view kPlace = "@KVSIM_PAYLOAD@";
  using Json = nlohmann::ordered_json;
  const std::string json = payload.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string_view page = report_template();
  const std::size_t place = page.find(kPlace);
  KVSIM_CHECK(place != std::string_view::npos, "the page has a place for its data");
  std::string text(page.substr(0, place));
  text.reserve(page.size() + json.size() + json.size() / 64);
  // Inside JSON `<` occurs in strings only. Without one, nothing there looks like a tag.
  for (const char c : json) {
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  }
  text += page.substr(place + kPlace.size());
  return text;
}

}  // namespace kvsim
