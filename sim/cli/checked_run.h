#pragma once
// What `kvsim check RUN` looks at: a run that is finished, or one that has to be made first.

#include <optional>
#include <string>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/model/report.h"

namespace kvsim {

struct CheckedRun {
  std::string name;              ///< RUN, as the user wrote it.
  ConfigView config;             ///< Of a summary.json alone nothing but its /thresholds.
  bool config_known = true;      ///< Not so of a summary.json alone.
  std::optional<Report> report;  ///< Nothing: still to be run, from the config.
};

/// RUN is a folder of `kvsim run --out`, a summary.json, or what `kvsim run` takes (a config, a
/// scenario, a trace). `sets` are applied to the config; of a finished run only /thresholds may be
/// set. Throws InputError, also where a folder is half there or its files are of different runs.
[[nodiscard]] CheckedRun open_run(const std::string& run, const std::vector<std::string>& sets);

}  // namespace kvsim
