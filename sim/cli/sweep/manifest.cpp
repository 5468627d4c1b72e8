#include "sim/cli/sweep/manifest.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/core/hash.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

SweepPoint point_of(const Json& line) {
  SweepPoint point;
  line.at("index").get_to(point.index);
  line.at("id").get_to(point.id);
  line.at("label").get_to(point.label);
  point.settings = line.at("settings");
  line.at("config_digest").get_to(point.config_digest);
  point.inputs = line.at("inputs");
  point.config = line.at("config");
  return point;
}

}  // namespace

ConfigView config_of(const SweepPoint& point, std::string file) {
  Json document = Json::object();
  for (const auto& [pointer, value] : point.config.items())
    document[Json::json_pointer(pointer)] = value;
  return {document, std::move(file)};
}

std::string id_of(const SweepPoint& point) {
  Digest digest;
  digest.add(point.config_digest);
  for (const auto& [pointer, content] : point.inputs.items()) {
    digest.add(pointer);
    digest.add(content.get<std::string>());
  }
  return fmt::format("{:016x}", digest.value());
}

std::string manifest_text(const std::vector<SweepPoint>& points) {
  std::string text;
  for (const SweepPoint& point : points) {
    const Json line = {{"index", point.index},
                       {"id", point.id},
                       {"label", point.label},
                       {"settings", point.settings},
                       {"config_digest", point.config_digest},
                       {"inputs", point.inputs},
                       {"config", point.config}};
    text += line.dump() + "\n";
  }
  return text;
}

std::vector<SweepPoint> parse_manifest(std::string_view text, const std::string& file) {
  std::vector<SweepPoint> points;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    try {
      points.push_back(point_of(Json::parse(line)));
    } catch (const Json::exception&) {
      throw InputError(file, points.size() + 1, 1, "not a line that kvsim sweep plan writes");
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return points;
}

}  // namespace kvsim
