#pragma once
// The folder of one run: summary.json, requests.csv, timeline.csv, report.html, config.json;
// steps.jsonl if asked.
//
// Files are written aside while the run goes on and appear together at the end, summary.json last.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reports/atomic_file.h"
#include "reports/html/recorder.h"
#include "reports/requests_csv.h"
#include "reports/steps_jsonl.h"
#include "sim/core/config_view.h"
#include "sim/model/report.h"

namespace kvsim {

class RunFolder {
 public:
  /// What to write down of single steps.
  struct Steps {
    std::size_t count = 0;  ///< 0: no steps.jsonl.
    std::uint64_t seed = 0;
  };
  /// Makes the folder, and its parents, if they are not there. Throws InputError.
  RunFolder(const std::string& path, Steps steps);
  /// Takes away a folder it made if no run was committed to it.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  [[nodiscard]] std::span<Observer* const> watchers() const { return watchers_; }
  /// Puts everything in place. Throws InputError.
  void commit(const Report& report, const ConfigView& config);

 private:
  struct Files {
    explicit Files(const std::string& folder);
    AtomicFile requests, timeline, page, config, summary;
  };
  std::string path_;
  bool made_ = false;
  std::unique_ptr<Files> files_;
  std::unique_ptr<RequestsCsv> requests_;
  Recorder recorder_{Recorder::Detail::kAll};
  std::unique_ptr<AtomicFile> steps_file_;  // with steps_ only
  std::unique_ptr<StepsJsonl> steps_;
  std::vector<Observer*> watchers_;
};

/// Is there a finished run in this folder?
[[nodiscard]] bool is_run_folder(const std::string& path);
/// Its summary. Throws InputError if there is none, or it cannot be read.
[[nodiscard]] Report read_run_folder(const std::string& path);

}  // namespace kvsim
