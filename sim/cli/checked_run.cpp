#include "sim/cli/checked_run.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
#include "sim/cli/run_folder.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

void set_thresholds(const Words& sets, ConfigView& config) {
  for (const std::string& assignment : sets) {
    if (!assignment.starts_with("/thresholds"))
      throw InputError("kvsim check", "--set " + assignment,
                       "a finished run cannot be changed; only its /thresholds can be set");
    config.set(assignment);
  }
}

CheckedRun open_folder(const std::string& folder, const Words& sets) {
  CheckedRun run{folder, {}, true, read_run_folder(folder)};
  const std::string file = (fs::path(folder) / "config.json").string();
  ConfigView config = load_config("check", file).config;
  const std::string digest = config.digest();
  if (digest != run.report->provenance.config_digest)
    throw InputError(file, "/",
                     fmt::format("not the config of the summary.json beside it (digests {} and "
                                 "{}): run it again with this kvsim",
                                 digest, run.report->provenance.config_digest));
  set_thresholds(sets, config);
  run.config = std::move(config);
  return run;
}

// A JSON object with what only summaries have; what is no JSON will be reported by who reads it.
bool is_summary(const std::string& file) {
  std::error_code ignored;
  if (!file.ends_with(".json") || !fs::is_regular_file(file, ignored)) return false;
  const auto document = parse_json(read_text_file(file), file);
  return document.is_object() && document.contains("schema_version") &&
         document.contains("provenance");
}

CheckedRun open_summary(const std::string& file, const Words& sets) {
  CheckedRun run{file, {}, false, read_summary(parse_json(read_text_file(file), file), file)};
  set_thresholds(sets, run.config);
  return run;
}

}  // namespace

CheckedRun open_run(const std::string& run, const Words& sets) {
  std::error_code ignored;
  if (fs::is_directory(run, ignored)) return open_folder(run, sets);
  if (is_summary(run)) return open_summary(run, sets);
  CheckedRun planned{run, load_config("check", run).config, true, {}};
  for (const std::string& assignment : sets) planned.config.set(assignment);
  return planned;
}

}  // namespace kvsim
