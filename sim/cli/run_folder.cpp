#include "sim/cli/run_folder.h"

#include <filesystem>
#include <system_error>

#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
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

// The config that repeats this run from anywhere: a trace's path no longer depends on the folder.
std::string rerunnable(const ConfigView& config) {
  const nlohmann::ordered_json::json_pointer trace("/workload/trace");
  nlohmann::ordered_json document = config.resolved();
  if (document.contains(trace) && document[trace].is_string())
    document[trace] = fs::absolute(document[trace].get<std::string>()).lexically_normal().string();
  return document.dump(2) + "\n";
}

}  // namespace

RunFolder::Files::Files(const std::string& folder)
    : requests(in(folder, "requests.csv")),
      timeline(in(folder, "timeline.csv")),
      config(in(folder, "config.json")),
      summary(in(folder, "summary.json")) {}

RunFolder::RunFolder(const std::string& path) : path_(path), made_(make_folder(path)) {
  files_ = std::make_unique<Files>(path);
  requests_ = std::make_unique<RequestsCsv>(files_->requests.sink());
  timeline_ = std::make_unique<TimelineCsv>(files_->timeline.sink());
  watchers_ = {requests_.get(), timeline_.get()};
}

RunFolder::~RunFolder() {
  files_.reset();  // what was not committed is gone now
  std::error_code ignored;
  if (made_) fs::remove(path_, ignored);  // refuses a folder with something in it
}

void RunFolder::commit(const Report& report, const ConfigView& config) {
  files_->config.write(rerunnable(config));
  files_->summary.write(summary_text(report));
  files_->requests.commit();
  files_->timeline.commit();
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
