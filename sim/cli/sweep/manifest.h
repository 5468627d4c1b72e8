#pragma once
// manifest.jsonl: the points of a sweep, a line each (reports/schema/sweep_point.schema.json).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"

namespace kvsim {

struct SweepPoint {
  using Json = nlohmann::ordered_json;

  std::int64_t index = 0;          ///< Its line, from 0.
  std::string id;                  ///< Of what the run depends on: config_digest and the inputs.
  std::string label;               ///< For people: "block_size=16 eviction=lru".
  Json settings = Json::object();  ///< How it differs: pointer -> value.
  std::string config_digest;       ///< ConfigView::digest().
  Json inputs = Json::object();    ///< Pointer -> digest of the file that the field names.
  Json config = Json::object();    ///< Pointer -> value of every field that is not its default;
                                   ///< files as the sweep's folder keeps them.
};

/// What it runs; `file` names it in errors, and its inputs are read from that file's folder.
[[nodiscard]] ConfigView config_of(const SweepPoint& point, std::string file);

/// 16 hex digits. Equal for two points whose runs must be the same, whatever they are called.
[[nodiscard]] std::string id_of(const SweepPoint& point);

[[nodiscard]] std::string manifest_text(const std::vector<SweepPoint>& points);
/// Reads it back. Throws InputError naming `file` and the line.
[[nodiscard]] std::vector<SweepPoint> parse_manifest(std::string_view text,
                                                     const std::string& file);

}  // namespace kvsim
