#include "sim/cli/gate_files.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "reports/bench_json.h"
#include "sim/cli/config_file.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

// GitHub refuses a step's summary of 1 MiB or more, all that was appended to it together.
constexpr std::size_t kLongestSummary = std::size_t{1} << 20;
constexpr std::size_t kLeastRoom = 1000;

std::unique_ptr<AtomicFile> open(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0) return nullptr;
  return std::make_unique<AtomicFile>(values[option].as<std::string>());
}

std::string step_summary() {
  const char* file = std::getenv("GITHUB_STEP_SUMMARY");
  if (file == nullptr || *file == '\0')
    throw InputError("kvsim check", "--markdown",
                     "no FILE given, and GITHUB_STEP_SUMMARY is not set");
  return file;
}

}  // namespace

void GateFiles::declare(po::options_description& options) {
  const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
  options.add_options()("junit", file(), "write the outcome as JUnit XML")(
      "markdown", po::value<std::string>()->implicit_value("")->value_name("[FILE]"),
      "write it as Markdown; without FILE, append to $GITHUB_STEP_SUMMARY")(
      "bench-json", file(),
      "write the figures of which less is better for github-action-benchmark "
      "(customSmallerIsBetter)")("bench-json-bigger", file(),
                                 "those of which more is better (customBiggerIsBetter)");
}

GateFiles::GateFiles(const po::variables_map& values)
    : junit_(open(values, "junit")),
      smaller_(open(values, "bench-json")),
      bigger_(open(values, "bench-json-bigger")) {
  if (values.count("update-baseline") != 0) baseline_ = open(values, "baseline");
  if (values.count("markdown") == 0) return;
  std::string path = values["markdown"].as<std::string>();
  if (path.empty()) {
    path = step_summary();
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) summary_so_far_ = read_text_file(path);
    if (summary_so_far_.size() + kLeastRoom >= kLongestSummary)
      throw InputError(path, "--markdown", "no room left below the 1 MiB that GitHub shows");
  }
  markdown_ = std::make_unique<AtomicFile>(path);
}

void GateFiles::commit(const Gate& gate, const Report& report, const Baseline& updated) {
  if (junit_) junit_->write(gate_junit(gate));
  if (markdown_)
    markdown_->write(summary_so_far_ +
                     gate_markdown(gate, kLongestSummary - 1 - summary_so_far_.size()));
  if (smaller_) smaller_->write(bench_json(report, Better::kLower));
  if (bigger_) bigger_->write(bench_json(report, Better::kHigher));
  if (baseline_) baseline_->write(baseline_text(updated));
  for (File* file : {&junit_, &markdown_, &smaller_, &bigger_, &baseline_})
    if (*file) (*file)->commit();
}

}  // namespace kvsim
