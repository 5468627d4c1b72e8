// kvsim explain: why a run cost what it did. The run is made again, watched, and must be the same.

#include <array>
#include <filesystem>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include "reports/comparison_text.h"
#include "reports/explanation_json.h"
#include "reports/explanation_text.h"
#include "reports/scene_text.h"
#include "reports/summary_json.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/parallel.h"
#include "sim/cli/run_folder.h"
#include "sim/cli/variants.h"
#include "sim/cli/verbs.h"
#include "sim/cli/what_if.h"
#include "sim/core/input_error.h"
#include "sim/engine/explain/explainer.h"
#include "sim/engine/explain/latency_book.h"
#include "sim/engine/explain/scene_painter.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;
using Json = nlohmann::ordered_json;

constexpr std::string_view kUsage =
    "[RUN_DIR|CONFIG] [options]\n"
    "\n"
    "Says what every miss, eviction and preemption of a run cost and why, and what other settings\n"
    "would have changed. RUN_DIR is a folder of kvsim run --out: the run is made again and must\n"
    "come out the same. CONFIG is anything that kvsim run takes; without one, the demo.\n";

/// What is to be explained: a config, and the fingerprint it must have if it ran before.
struct Subject {
  ConfigView config;
  std::optional<Report> earlier;
  std::string name;
};

Subject subject_of(const po::variables_map& values) {
  std::string word = "demo";
  if (values.count("positional") != 0) {
    const auto& words = values["positional"].as<Words>();
    if (words.size() > 1) throw InputError("kvsim explain", words[1], "one run at a time");
    word = words[0];
  }
  Subject subject;
  subject.name = word;
  const bool folder = std::filesystem::is_directory(word);
  if (folder) subject.earlier = read_run_folder(word);
  subject.config =
      load_config("explain", folder ? (std::filesystem::path(word) / "config.json").string() : word)
          .config;
  if (values.count("set") == 0) return subject;
  if (folder) throw InputError("kvsim explain", "--set", "a finished run cannot be changed");
  for (const std::string& assignment : values["set"].as<Words>()) subject.config.set(assignment);
  return subject;
}

Report watch(const Subject& subject, std::span<Observer* const> watchers) {
  ProgressBar bar;
  Report report = run_experiment(subject.config, watchers, bar.callback());
  if (subject.earlier && subject.earlier->provenance.fingerprint != report.provenance.fingerprint)
    throw InputError(subject.name, "summary.json",
                     fmt::format("made by kvsim {} or of another trace: this one ({}) decides "
                                 "differently; make the run again with kvsim run --out",
                                 subject.earlier->provenance.version, KVSIM_VERSION));
  return report;
}

std::uint64_t number_of(const po::variables_map& values, const char* option) {
  const std::int64_t n = values[option].as<std::int64_t>();
  if (n < 0) throw InputError("kvsim explain", fmt::format("--{}", option), "expected 0 or more");
  return static_cast<std::uint64_t>(n);
}

std::string one_step(const Subject& subject, std::uint64_t number) {
  StepPainter painter(number);
  const std::array<Observer*, 1> watchers{&painter};
  (void)watch(subject, watchers);
  if (!painter.scene())
    throw InputError("kvsim explain", "--step",
                     fmt::format("the run had {} steps, numbered from 0", painter.steps()));
  return scene_text(*painter.scene());
}

std::string one_request(const Subject& subject, std::uint64_t id) {
  LifePainter painter(id);
  const std::array<Observer*, 1> watchers{&painter};
  const Report report = watch(subject, watchers);
  if (painter.life().moments.empty())
    throw InputError("kvsim explain", "--request",
                     fmt::format("the run had {} requests, numbered from 0 in order of arrival",
                                 report.requests.total));
  return life_text(painter.life());
}

std::vector<Variant> what_ifs(const Subject& subject, const Report& report) {
  const std::vector<PlannedRun> runs = plan_what_ifs(subject.config, report);
  std::vector<std::string> refusals(runs.size());
  std::vector<Simulation> simulations;
  simulations.reserve(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i)
    simulations.emplace_back([&run = runs[i], &refusal = refusals[i]](const Progress& progress) {
      try {
        return run_experiment(run.config, {}, progress);
      } catch (const InputError& error) {
        refusal = error.what();  // a question that makes no sense here is nobody's mistake
        return Report{};
      }
    });
  ProgressBar bar;
  const std::vector<Report> reports =
      run_all(simulations, std::max(1U, std::thread::hardware_concurrency()), bar.callback());
  std::vector<Variant> variants{{"as it was", Json::object(), {report}}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (refusals[i].empty())
      variants.push_back({runs[i].label, runs[i].settings, {reports[i]}});
    else
      fmt::print(stderr, "kvsim explain: no row '{}': {}\n", runs[i].label, refusals[i]);
  }
  return variants;
}

std::string everything(const Subject& subject, const po::variables_map& values) {
  constexpr std::size_t kWorst = 5;
  Explainer explainer(kWorst);
  LatencyBook latencies;
  const std::array<Observer*, 2> watchers{&explainer, &latencies};
  const Report report = watch(subject, watchers);
  Explanation why = explainer.result();
  why.tail = latencies.tail(kWorst);
  const Column& about =
      comparison_column(values.count("metric") != 0 ? values["metric"].as<std::string>()
                                                    : std::string(kVerdictColumn));
  std::vector<Variant> variants;
  if (values.count("no-what-if") == 0) variants = what_ifs(subject, report);
  if (values.count("json") != 0) {
    Json document = {{"schema_version", 1}, {"summary", summary_json(report)}};
    document["why"] = explanation_json(why);
    document["what_if"] = variants.empty() ? Json() : Json::parse(comparison_json(variants, about));
    return document.dump(2) + "\n";
  }
  std::string text = explanation_text(why, report);
  if (!variants.empty())
    text += "\nwhat if? (each was run)\n" + comparison_table(variants, about, colour_wanted());
  return text;
}

}  // namespace

int explain_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("set", po::value<Words>()->composing()->value_name("/PTR=VALUE"),
                        "override a config field; may be repeated")(
      "metric", po::value<std::string>()->value_name("COLUMN"),
      "what the what-ifs are judged by: a column of kvsim compare --csv")(
      "step", po::value<std::int64_t>()->value_name("N"),
      "draw step N instead: batch, block tables, free queue, tree")(
      "request", po::value<std::int64_t>()->value_name("ID"), "tell one request's life instead")(
      "no-what-if", "do not run other settings")("json", "print JSON");
  const auto values = parse_options("explain", kUsage, options, arguments);
  if (!values) return kExitOk;
  if (values->count("step") + values->count("request") + values->count("metric") > 1)
    throw InputError("kvsim explain", "options", "only one of --step, --request and --metric");
  const Subject subject = subject_of(*values);
  if (subject.config.text("/mode") == "alone")
    throw InputError(subject.name, "/mode", "alone: nothing is missed, evicted or preempted there");
  if (values->count("step") != 0)
    print_result(one_step(subject, number_of(*values, "step")));
  else if (values->count("request") != 0)
    print_result(one_request(subject, number_of(*values, "request")));
  else
    print_result(everything(subject, *values));
  return kExitOk;
}

}  // namespace kvsim
