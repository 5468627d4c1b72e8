// kvsim check: the gate. Holds a run to the thresholds of its config and to a baseline.

#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/cause.h"
#include "reports/threshold.h"
#include "sim/cli/checked_run.h"
#include "sim/cli/config_file.h"
#include "sim/cli/console.h"
#include "sim/cli/gate_files.h"
#include "sim/cli/options.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/engine/experiment.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr std::string_view kUsage =
    "RUN [options]\n"
    "\n"
    "RUN is a folder of kvsim run --out, its summary.json, or a config, scenario or trace, which "
    "is\n"
    "then run. It is held to the config's \"thresholds\" {\"ttft_ms\": [\"p(95)<200\"]} and to a\n"
    "baseline. Exit code 0: all kept; 99: something crossed, with the figures behind it.\n";

std::string run_argument(const po::variables_map& values) {
  const Words words = values.count("positional") == 0 ? Words{} : values["positional"].as<Words>();
  if (words.size() != 1)
    throw InputError("kvsim check", words.empty() ? "RUN" : words[1],
                     words.empty() ? "missing; see kvsim check --help" : "one run at a time");
  return words[0];
}

// The baseline to hold the run to, or whose tolerances an update keeps.
std::optional<Baseline> open_baseline(const po::variables_map& values) {
  const bool update = values.count("update-baseline") != 0;
  if (values.count("baseline") == 0) {
    if (update)
      throw InputError("kvsim check", "--update-baseline", "needs --baseline FILE to write to");
    if (values.count("any-config") != 0)
      throw InputError("kvsim check", "--any-config", "is about a --baseline FILE");
    return std::nullopt;
  }
  const auto file = values["baseline"].as<std::string>();
  std::error_code ignored;
  if (update && !std::filesystem::exists(file, ignored)) return std::nullopt;
  const Json document = parse_json(read_text_file(file), file);
  const bool old = document.is_object() && document.contains("schema_version") &&
                   document["schema_version"] != kBaselineSchemaVersion;
  if (update && old) return std::nullopt;
  return read_baseline(document, file);
}

// "/cache/eviction 'lru' -> 'mru'": the fields in which two configs differ.
std::string changed_fields(const Json& was, const Json& is) {
  Words changes;
  const auto value = [](const Json& config, const std::string& field) {
    return config.contains(field) ? shown(config[field]) : std::string("default");
  };
  for (const auto& [field, said] : was.items())
    if (value(is, field) != value(was, field))
      changes.push_back(fmt::format("{} {} -> {}", field, shown(said), value(is, field)));
  for (const auto& [field, said] : is.items())
    if (!was.contains(field))
      changes.push_back(fmt::format("{} default -> {}", field, shown(said)));
  return fmt::format("{}", fmt::join(changes, ", "));
}

struct Check {
  const po::variables_map& values;
  CheckedRun run;
  std::optional<Baseline> baseline;

  [[nodiscard]] bool updates() const { return values.count("update-baseline") != 0; }
  [[nodiscard]] bool compares() const { return baseline && !updates(); }
  [[nodiscard]] std::string config_digest() const {
    return run.config_known ? run.config.digest() : run.report->provenance.config_digest;
  }
  [[nodiscard]] std::string config_changes() const {
    return compares() && run.config_known ? changed_fields(baseline->config, run.config.identity())
                                          : "";
  }
  void refuse_other_config() const;
  void refuse_other_workload(const Report& report) const;
  [[nodiscard]] std::string why(const Figures& figures, const std::vector<Finding>& findings) const;
};

void Check::refuse_other_config() const {
  if (!compares() || values.count("any-config") != 0) return;
  if (config_digest() == baseline->config_digest) return;
  const std::string changes = config_changes();
  throw InputError(
      values["baseline"].as<std::string>(), "/config_digest",
      fmt::format("a baseline of another config ({}); --update-baseline takes this run for the "
                  "new one, --any-config compares all the same",
                  changes.empty()
                      ? fmt::format("digest {}, here {}", baseline->config_digest, config_digest())
                      : changes));
}

void Check::refuse_other_workload(const Report& report) const {
  if (!compares() || report.provenance.trace_digest == baseline->trace_digest) return;
  throw InputError(values["baseline"].as<std::string>(), "/trace_digest",
                   fmt::format("a baseline of another workload (digest {}, here {}); "
                               "--update-baseline takes this run for the new one",
                               baseline->trace_digest, report.provenance.trace_digest));
}

// What moved since the baseline; without one, what the run says of itself.
std::string Check::why(const Figures& figures, const std::vector<Finding>& findings) const {
  if (!compares()) return state_of(figures);
  std::string first;
  for (const Finding& finding : findings)
    if (first.empty() && finding.outcome == Finding::Outcome::kCrossed) first = finding.figure;
  std::string text = what_moved(baseline->values, figures, " -> ", first);
  if (text.empty()) text = state_of(figures);
  const std::string changes = config_changes();
  return changes.empty() ? text : fmt::format("config {}; {}", changes, text);
}

Report report_of(const CheckedRun& run) {
  if (run.report) return *run.report;
  ProgressBar bar;
  return run_experiment(run.config, {}, bar.callback());
}

Baseline baseline_of(const Check& check, const Report& report, const Figures& figures) {
  Baseline baseline;
  baseline.config_digest = report.provenance.config_digest;
  baseline.trace_digest = report.provenance.trace_digest;
  if (check.run.config_known) baseline.config = check.run.config.identity();
  if (check.baseline) baseline.tolerances = check.baseline->tolerances;
  baseline.values = figures;
  return baseline;
}

}  // namespace

int check_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("baseline", po::value<std::string>()->value_name("FILE"),
                        "hold the run to the figures of this file")(
      "update-baseline", "write them instead; tolerances in the file stay")(
      "any-config", "compare to a baseline of another config: the config is what changed")(
      "set", po::value<Words>()->composing()->value_name("/PTR=VALUE"),
      "override a config field; of a finished run only /thresholds");
  GateFiles::declare(options);
  const auto values = parse_options("check", kUsage, options, arguments);
  if (!values) return kExitOk;
  const Words sets = values->count("set") == 0 ? Words{} : (*values)["set"].as<Words>();
  const Check check{*values, open_run(run_argument(*values), sets), open_baseline(*values)};
  const std::vector<Threshold> thresholds = read_thresholds(check.run.config);
  if (thresholds.empty() && values->count("baseline") == 0)
    throw InputError(check.run.name, "/thresholds",
                     "nothing to check: the config has none, and there is no --baseline FILE");
  check.refuse_other_config();
  GateFiles files(*values);

  const Report report = report_of(check.run);
  check.refuse_other_workload(report);
  const Figures figures = figures_of(report);
  Gate gate{check.run.name, {}, "", fmt::format("kvsim explain {} says more", check.run.name)};
  for (const Threshold& threshold : thresholds) gate.findings.push_back(judge(threshold, report));
  if (check.compares())
    for (Finding& finding : judge(*check.baseline, figures))
      gate.findings.push_back(std::move(finding));
  if (gate.crossed()) gate.why = check.why(figures, gate.findings);
  files.commit(gate, report, baseline_of(check, report, figures));
  if (!check.updates() || gate.crossed()) print_result(gate_table(gate));
  if (check.updates())
    print_result(fmt::format("{}: a baseline of {} figures written\n",
                             (*values)["baseline"].as<std::string>(), figures.size()));
  return gate.crossed() ? kExitThreshold : kExitOk;
}

}  // namespace kvsim
