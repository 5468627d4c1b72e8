#include "sim/cli/sweep/point_result.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "reports/atomic_file.h"
#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using State = PointResult::State;

constexpr int kSchemaVersion = 1;

Json made_from(const SweepPoint& point) {
  return {{"schema_version", kSchemaVersion},
          {"id", point.id},
          {"version", KVSIM_VERSION},
          {"config_digest", point.config_digest},
          {"inputs", point.inputs}};
}

// A summary carries two of the digests itself, and must be of the same run.
PointResult done(const Json& summary, const SweepPoint& point, const std::string& file) {
  const Report report = read_summary(summary, file);
  if (report.provenance.config_digest != point.config_digest ||
      report.provenance.version != KVSIM_VERSION)
    return {State::kStale, "its summary is of another config or version", {}};
  return {State::kDone, "", summary};
}

PointResult judged(const Json& document, const SweepPoint& point, const std::string& file) {
  if (!document.is_object()) return {State::kStale, "it is no result", {}};
  const Json expected = made_from(point);
  for (const auto& [key, value] : expected.items())
    if (document.value(key, Json()) != value)
      return {State::kStale, fmt::format("its {} is another one", key), {}};
  const Json problem = document.value("error", Json());
  if (problem.is_string()) return {State::kFailed, problem.get<std::string>(), {}};
  return done(document.value("summary", Json()), point, file);
}

void write(const SweepFolder& sweep, const SweepPoint& point, const Json& document) {
  write_file(sweep.result_file(point), document.dump() + "\n");
}

}  // namespace

PointResult read_result(const SweepFolder& sweep, const SweepPoint& point) {
  const std::string file = sweep.result_file(point);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  try {
    return judged(parse_json(read_text_file(file), file), point, file);
  } catch (const InputError& error) {
    return {State::kStale, sweep.without_path(error.what()), {}};
  }
}

void write_done(const SweepFolder& sweep, const SweepPoint& point, const Report& report) {
  Json document = made_from(point);
  document["summary"] = summary_json(report);
  write(sweep, point, document);
}

void write_failed(const SweepFolder& sweep, const SweepPoint& point, const std::string& problem) {
  Json document = made_from(point);
  document["error"] = problem;
  write(sweep, point, document);
}

}  // namespace kvsim
