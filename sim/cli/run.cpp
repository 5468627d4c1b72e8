// kvsim run: one simulation, as a table or as JSON, and as files with --out.

#include <optional>

#include "reports/run_table.h"
#include "reports/summary_json.h"
#include "sim/cli/config_file.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/run_folder.h"
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
  if (values.count("set") != 0)
    for (const std::string& assignment : values["set"].as<Words>()) config.set(assignment);
  return config;
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
      "write summary.json, requests.csv, timeline.csv and config.json there")(
      "json", "print the summary as JSON instead of a table");
  const auto values = parse_options("run", kUsage, options, arguments);
  if (!values) return kExitOk;
  const ConfigView config = config_of(*values);
  std::optional<RunFolder> folder;
  if (values->count("out") != 0) folder.emplace((*values)["out"].as<std::string>());
  const Report report =
      simulate(config, folder ? folder->watchers() : std::span<Observer* const>{});
  if (folder) folder->commit(report, config);
  print_result(values->count("json") != 0 ? summary_text(report) : run_table(report));
  return kExitOk;
}

}  // namespace kvsim
