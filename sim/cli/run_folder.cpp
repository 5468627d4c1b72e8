#include "sim/cli/run_folder.h"

#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

#include "reports/html/payload.h"
#include "reports/html/report_html.h"
#include "reports/summary_json.h"
#include "reports/timeline_csv.h"
#include "sim/cli/config_file.h"
#include "sim/cli/named_files.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;

bool make_folder(const std::string& path) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (error) throw InputError(path, "cannot create the folder", error.message());
  return made;
}

std::string in(const std::string& folder, const char* name) {
  return (fs::path(folder) / name).string();
}

// The config that repeats this run, wherever it is started from.
std::string rerunnable(const ConfigView& config) {
  nlohmann::ordered_json document = config.resolved();
  for (const NamedFile& file : named_files(config))
    document[nlohmann::ordered_json::json_pointer(file.pointer)] = file.path;
  return document.dump(2) + "\n";
}

}  // namespace

RunFolder::Files::Files(const std::string& folder)
    : requests(in(folder, "requests.csv")),
      timeline(in(folder, "timeline.csv")),
      page(in(folder, "report.html")),
      config(in(folder, "config.json")),
      summary(in(folder, "summary.json")) {}

RunFolder::RunFolder(const std::string& path, Steps steps) : path_(path), made_(make_folder(path)) {
  files_ = std::make_unique<Files>(path);
  requests_ = std::make_unique<RequestsCsv>(files_->requests.sink());
  watchers_.assign(recorder_.watchers().begin(), recorder_.watchers().end());
  watchers_.push_back(requests_.get());
  if (steps.count == 0) return;
  steps_file_ = std::make_unique<AtomicFile>(in(path, "steps.jsonl"));
  steps_ = std::make_unique<StepsJsonl>(steps_file_->sink(), steps.count, steps.seed);
  watchers_.push_back(steps_.get());
}

RunFolder::~RunFolder() {
  files_.reset();  // what was not committed is gone now
  steps_file_.reset();
  std::error_code ignored;
  if (made_) fs::remove(path_, ignored);  // refuses a folder with something in it
}

void RunFolder::commit(const Report& report, const ConfigView& config) {
  files_->config.write(rerunnable(config));
  files_->summary.write(summary_text(report));
  files_->page.write(
      report_html(run_page(report, run_payload("", report, config.resolved(), &recorder_))));
  files_->timeline.write(timeline_csv(recorder_.timeline));
  files_->requests.commit();
  files_->timeline.commit();
  if (steps_file_) steps_file_->commit();
  files_->page.commit();
  files_->config.commit();
  files_->summary.commit();
}

Report read_run_folder(const std::string& path) {
  if (!is_run_folder(path))
    throw InputError(path, "summary.json", "not there; expected a folder of kvsim run --out");
  const std::string file = in(path, "summary.json");
  return read_summary(parse_json(read_text_file(file), file), file);
}

bool is_run_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(in(path, "summary.json"), ignored);
}

}  // namespace kvsim
