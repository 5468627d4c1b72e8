#include "sim/cli/run_outputs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "reports/benchmark_results.h"
#include "reports/chrome_trace.h"
#include "reports/openmetrics.h"
#include "reports/requests_jsonl.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

struct Named {
  std::string_view word, file;
  std::string (*text)(const Report& report, std::string_view model);
};
constexpr std::array kFormats{Named{"vllm", "vllm_result.json", vllm_result},
                              Named{"aiperf", "profile_export_aiperf.json", aiperf_result}};

const Named& format_of(const std::string& word) {
  std::vector<std::string> known;
  for (const Named& format : kFormats) {
    if (format.word == word) return format;
    known.emplace_back(format.word);
  }
  throw InputError("kvsim run", "--result-format",
                   fmt::format("no format named '{}'; known: {}{}", word, joined(known),
                               did_you_mean(word, known)));
}

class ResultFile final : public RunOutput {
 public:
  ResultFile(const std::string& folder, const Named& format, std::string model)
      : format_(format),
        model_(std::move(model)),
        file_((std::filesystem::path(folder) / format.file).string()) {}
  void commit(const Report& report) override {
    file_.write(format_.text(report, model_));
    file_.commit();
  }

 private:
  const Named& format_;
  std::string model_;
  AtomicFile file_;
};

class OpenMetricsFile final : public RunOutput {
 public:
  OpenMetricsFile(const std::string& path, std::string model)
      : file_(path), model_(std::move(model)) {}
  std::vector<Observer*> watchers() override { return {&timeline_, &latencies_}; }
  void commit(const Report& /*report*/) override {
    write_openmetrics(timeline_, latencies_, model_, file_.sink());
    file_.commit();
  }

 private:
  // A row here is a hundred lines.
  static constexpr Duration kInterval = std::chrono::milliseconds(10);
  static constexpr std::size_t kMostRows = 1'000;
  AtomicFile file_;
  std::string model_;
  Timeline timeline_{kInterval, kMostRows};
  LatencyTimeline latencies_{kInterval, kMostRows};
};

class TraceFile final : public RunOutput {
 public:
  TraceFile(const std::string& path, ChromeTrace::Window window)
      : file_(path), trace_(file_.sink(), window) {}
  std::vector<Observer*> watchers() override { return {&trace_}; }
  void commit(const Report& /*report*/) override {
    file_.commit();
    if (trace_.cut())
      fmt::print(stderr,
                 "--trace-out: full after {} events, at {:.3f} s; --trace-window START:END picks "
                 "another part\n",
                 ChromeTrace::kMostEvents, seconds(trace_.cut()->time_since_epoch()));
  }

 private:
  AtomicFile file_;
  ChromeTrace trace_;
};

class RequestsFile final : public RunOutput {
 public:
  explicit RequestsFile(const std::string& path) : file_(path), rows_(file_.sink()) {}
  std::vector<Observer*> watchers() override { return {&rows_}; }
  void commit(const Report& /*report*/) override { file_.commit(); }

 private:
  AtomicFile file_;
  RequestsJsonl rows_;
};

std::optional<Time> time_of(std::string_view text) {
  double s = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), s);
  constexpr double kMost = 1e9;
  if (error != std::errc() || end != text.data() + text.size() || !(s >= 0 && s <= kMost))
    return std::nullopt;
  return Time(round_to_ns(s));
}

ChromeTrace::Window window_of(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view all = text;
  const auto from = time_of(all.substr(0, colon));
  const auto until = time_of(all.substr(std::min(colon + 1, text.size())));
  if (!from || !until || *from >= *until)
    throw InputError(
        "kvsim run", "--trace-window",
        fmt::format("expected START:END in simulated seconds, such as 10:12.5, got {}", text));
  return {*from, *until};
}

// What can be said of the options without opening a file.
void check(const po::variables_map& values, const ConfigView& config) {
  if (values.count("trace-window") != 0 && values.count("trace-out") == 0)
    throw InputError("kvsim run", "--trace-window", "needs --trace-out FILE to write to");
  if (values.count("result-format") != 0 && values.count("json") != 0)
    throw InputError("kvsim run", "--json", "--result-format is printed already: choose one");
  std::set<std::string> paths;
  for (const char* name : {"openmetrics", "trace-out", "requests-jsonl"}) {
    if (values.count(name) == 0) continue;
    const std::string option = fmt::format("--{}", name);
    if (config.text("/mode") == "alone")
      throw InputError("kvsim run", option,
                       "nothing to write: in /mode 'alone' there is no course of time");
    if (!paths.insert(values[name].as<std::string>()).second)
      throw InputError("kvsim run", option, "a file of its own, please: this one is taken");
  }
}

}  // namespace

void RunOutputs::add_options(po::options_description& options) {
  const auto word = [](const char* name) { return po::value<std::string>()->value_name(name); };
  options.add_options()(
      "result-format", word("vllm|aiperf"),
      "print the result as `vllm bench serve --save-result` or AIPerf would save it; with --out "
      "also as a file")("openmetrics", word("FILE"),
                        "write vLLM's Prometheus metrics with simulated timestamps, for promtool")(
      "trace-out", word("FILE"), "write Chrome trace events, for Perfetto")(
      "trace-window", word("START:END"), "only these simulated seconds of them")(
      "requests-jsonl", word("FILE"), "write requests.csv as JSON lines");
}

RunOutputs::RunOutputs(const po::variables_map& values, const ConfigView& config)
    : model_(config.text("/model")) {
  const auto given = [&values](const char* name) {
    return values.count(name) != 0 ? std::optional(values[name].as<std::string>()) : std::nullopt;
  };
  check(values, config);
  if (const auto format = given("result-format")) {
    format_ = format_of(*format).text;
    if (const auto folder = given("out"))
      files_.push_back(std::make_unique<ResultFile>(*folder, format_of(*format), model_));
  }
  if (const auto path = given("openmetrics"))
    files_.push_back(std::make_unique<OpenMetricsFile>(*path, model_));
  if (const auto path = given("trace-out"))
    files_.push_back(std::make_unique<TraceFile>(
        *path, given("trace-window") ? window_of(*given("trace-window")) : ChromeTrace::Window{}));
  if (const auto path = given("requests-jsonl"))
    files_.push_back(std::make_unique<RequestsFile>(*path));
}

std::vector<Observer*> RunOutputs::watchers() const {
  std::vector<Observer*> all;
  for (const auto& file : files_)
    for (Observer* watcher : file->watchers()) all.push_back(watcher);
  return all;
}

void RunOutputs::commit(const Report& report) {
  for (const auto& file : files_) file->commit(report);
}

std::optional<std::string> RunOutputs::result(const Report& report) const {
  if (format_ == nullptr) return std::nullopt;
  return format_(report, model_);
}

}  // namespace kvsim
