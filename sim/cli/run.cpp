// kvsim run: one simulation, as a table or as JSON, and as files with --out.

#include <memory>
#include <optional>

#include "reports/run_table.h"
#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/run_folder.h"
#include "sim/cli/run_outputs.h"
#include "sim/cli/server_options.h"
#include "sim/cli/verbs.h"
#include "sim/engine/experiment.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

constexpr std::string_view kUsage =
    "[CONFIG] [options]\n"
    "\n"
    "CONFIG is a JSON config, a built-in scenario (kvsim list scenarios) or a trace file.\n"
    "Without one, the defaults run the small workload inside the program.\n";

ConfigView config_of(const po::variables_map& values) {
  std::optional<std::string> argument;
  if (values.count("positional") != 0) {
    const auto& words = values["positional"].as<Words>();
    if (words.size() > 1) throw InputError("kvsim run", words[1], "one config at a time");
    argument = words[0];
  }
  ConfigView config = load_config("run", argument).config;
  apply_server_options(values, "run", config);
  if (values.count("set") != 0)
    for (const std::string& assignment : values["set"].as<Words>()) config.set(assignment);
  if (values.count("goodput") != 0) set_objectives(values["goodput"].as<Words>(), config);
  return config;
}

/// The folder to write to, if one is asked for.
std::unique_ptr<RunFolder> open_folder(const po::variables_map& values, const ConfigView& config) {
  constexpr std::int64_t kMostSteps = 10'000;
  const std::int64_t steps = values.count("steps") != 0 ? values["steps"].as<std::int64_t>() : 0;
  if (values.count("steps") != 0 && (steps < 1 || steps > kMostSteps))
    throw InputError("kvsim run", "--steps",
                     fmt::format("expected 1 to {}, got {}", kMostSteps, steps));
  if (values.count("out") == 0) {
    if (steps > 0) throw InputError("kvsim run", "--steps", "needs --out DIR to write to");
    return nullptr;
  }
  return std::make_unique<RunFolder>(
      values["out"].as<std::string>(),
      RunFolder::Steps{static_cast<std::size_t>(steps),
                       static_cast<std::uint64_t>(config.integer("/seed"))});
}

Report simulate(const ConfigView& config, std::span<Observer* const> watchers) {
  ProgressBar bar;
  return run_experiment(config, watchers, bar.callback());
}

}  // namespace

int run_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("set", po::value<Words>()->composing()->value_name("/PTR=VALUE"),
                        "override a config field; may be repeated")(
      "out", po::value<std::string>()->value_name("DIR"),
      "write summary.json, requests.csv, timeline.csv, report.html and config.json there")(
      "steps", po::value<std::int64_t>()->value_name("N"),
      "with --out: also steps.jsonl, N steps picked at random with their block tables, for "
      "kvsim-calibrate --validate")("json", "print the summary as JSON instead of a table")(
      "goodput", po::value<Words>()->multitoken()->value_name("NAME:MS"),
      "objectives of a request, as vLLM writes them: ttft:5000 tpot:50 e2el:9000");
  add_server_options(options);
  RunOutputs::add_options(options);
  const auto values = parse_options("run", kUsage, options, arguments);
  if (!values) return kExitOk;
  const ConfigView config = config_of(*values);
  const std::unique_ptr<RunFolder> folder = open_folder(*values, config);
  RunOutputs outputs(*values, config);
  std::vector<Observer*> watchers = outputs.watchers();
  if (folder) watchers.insert(watchers.end(), folder->watchers().begin(), folder->watchers().end());
  const Report report = simulate(config, watchers);
  outputs.commit(report);
  if (folder) folder->commit(report, config);
  const std::string table = values->count("json") != 0 ? summary_text(report) : run_table(report);
  print_result(outputs.result(report).value_or(table));
  return kExitOk;
}

}  // namespace kvsim
