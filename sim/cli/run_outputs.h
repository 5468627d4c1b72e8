#pragma once
// What `kvsim run` writes in other people's formats: --result-format, --openmetrics, --trace-out,
// --requests-jsonl. Everything is opened before the run and put in place after it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "reports/atomic_file.h"
#include "sim/core/config_view.h"
#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

/// One file of a run, and those who gather what it will say.
class RunOutput {
 public:
  virtual ~RunOutput() = default;
  [[nodiscard]] virtual std::vector<Observer*> watchers() { return {}; }
  /// Puts the file in place. Throws InputError.
  virtual void commit(const Report& report) = 0;
};

class RunOutputs {
 public:
  static void add_options(boost::program_options::options_description& options);
  /// Throws InputError: a bad word, a file that cannot be created, or nothing to put into it.
  RunOutputs(const boost::program_options::variables_map& values, const ConfigView& config);

  /// Those of every file.
  [[nodiscard]] std::vector<Observer*> watchers() const;
  void commit(const Report& report);
  /// What the run prints instead of its table, if --result-format says so.
  [[nodiscard]] std::optional<std::string> result(const Report& report) const;

 private:
  using Format = std::string (*)(const Report& report, std::string_view model);
  std::string model_;
  Format format_ = nullptr;
  std::vector<std::unique_ptr<RunOutput>> files_;
};

/// Writes vLLM's --goodput (ttft:5000 tpot:50 e2el:9000, in milliseconds) into the config's /slo.
/// Throws InputError.
void set_objectives(const std::vector<std::string>& terms, ConfigView& config);

}  // namespace kvsim
