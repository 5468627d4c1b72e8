// kvsim compare: settings side by side, or runs that were made earlier.

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/comparison.h"
#include "reports/comparison_text.h"
#include "sim/cli/bounds.h"
#include "sim/cli/compare_page.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/parallel.h"
#include "sim/cli/run_folder.h"
#include "sim/cli/server_options.h"
#include "sim/cli/variants.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

constexpr std::string_view kUsage =
    "[CONFIG] [options]\n"
    "       kvsim compare RUN_DIR RUN_DIR ...\n"
    "\n"
    "CONFIG is a JSON config, a built-in scenario (kvsim list scenarios) or a trace file; without\n"
    "one, the scenario 'demo'. Every comma list of a --set spans one axis of a cross product.\n"
    "Without lists: the config's own variants, or else every memory manager and policy.\n";

Words words_of(const po::variables_map& values, const char* option) {
  return values.count(option) == 0 ? Words{} : values[option].as<Words>();
}

std::vector<Variant> read_runs(const Words& folders) {
  std::vector<Variant> variants;
  for (const std::string& folder : folders)
    variants.push_back({folder, nlohmann::ordered_json::object(), {read_run_folder(folder)}});
  return variants;
}

// How to run them: every one on each of the same seeds, the first of which may be drawn.
struct Plan {
  std::int64_t seeds = 1;
  std::size_t threads = 1;
  ComparePage* page = nullptr;
};

std::vector<Variant> simulate(const std::vector<PlannedRun>& runs, const Plan& plan) {
  std::vector<Simulation> simulations;
  for (const PlannedRun& run : runs) {
    for (std::int64_t i = 0; i < plan.seeds; ++i) {
      ConfigView config = run.config;
      if (plan.seeds > 1) config.set("/seed", config.integer("/seed") + i, "--seeds");
      const bool drawn = plan.page != nullptr && i == 0;
      const auto watchers =
          drawn ? plan.page->watch(run.label, config) : std::span<Observer* const>{};
      simulations.emplace_back([config = std::move(config), watchers](const Progress& progress) {
        return run_experiment(config, watchers, progress);
      });
    }
  }
  ProgressBar bar;
  std::vector<Report> reports = run_all(simulations, plan.threads, bar.callback());
  std::vector<Variant> variants;
  auto next = std::make_move_iterator(reports.begin());
  for (const PlannedRun& run : runs) {
    variants.push_back({run.label, run.settings, {next, next + plan.seeds}, is_bound(run)});
    next += plan.seeds;
  }
  return variants;
}

// Where the future is not known there is no bound, and that is no mistake of the user's.
void add_bounds(const std::vector<PlannedRun>& runs, const Plan& plan,
                std::vector<Variant>& variants) {
  try {
    std::vector<Variant> bounds = simulate(plan_bounds(runs, variants), plan);
    std::move(bounds.begin(), bounds.end(), std::back_inserter(variants));
  } catch (const InputError& refusal) {
    fmt::print(stderr, "kvsim compare: no row of optimal eviction: {}\n", refusal.what());
  }
}

std::vector<Variant> variants_of(const po::variables_map& values, ComparePage* page) {
  const Words positional = words_of(values, "positional");
  const Words sets = words_of(values, "set");
  const bool folders =
      positional.size() > 1 || (positional.size() == 1 && is_run_folder(positional[0]));
  for (const char* option : {"set", "seeds", "vllm-args", "vllm-log"})
    if (folders && values.count(option) != 0)
      throw InputError("kvsim compare", fmt::format("--{}", option),
                       "finished runs cannot be changed");
  if (folders) return read_runs(positional);
  LoadedConfig loaded = load_config("compare", positional.empty() ? "demo" : positional[0]);
  apply_server_options(values, "compare", loaded.config);
  const Plan plan{count_from(values, "seeds", "compare", 1, kMostSeeds),
                  threads_from(values, "compare"), page};
  const std::vector<PlannedRun> runs = plan_variants(loaded, sets);
  std::vector<Variant> variants = simulate(runs, plan);
  if (values.count("no-optimal") == 0) add_bounds(runs, plan, variants);
  return variants;
}

std::string printed(const po::variables_map& values, std::span<const Variant> variants,
                    const Column& about) {
  if (values.count("json") != 0) return comparison_json(variants, about);
  if (values.count("csv") != 0) return comparison_csv(variants);
  if (values.count("markdown") != 0) return comparison_markdown(variants, about);
  return comparison_table(variants, about, colour_wanted());
}

}  // namespace

int compare_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("set", po::value<Words>()->composing()->value_name("/PTR=A,B"),
                        "override a config field, with one value or several; may be repeated")(
      "seeds", po::value<std::int64_t>()->value_name("N"),
      "run every variant on N seeds, the same for all, and tell differences from noise")(
      "no-optimal", "without the row of the best any eviction could hit")(
      "jobs", po::value<int>()->value_name("N"), "threads (default: one per core)")(
      "sort", po::value<std::string>()->value_name("COLUMN"),
      "best first, by this column of --csv; the verdict is about it too")(
      "html", po::value<std::string>()->value_name("FILE"), "also write a page that draws them")(
      "json", "print JSON: every variant with its whole summary")(
      "csv", "print CSV: one row per variant")("markdown", "print a Markdown table");
  add_server_options(options);
  const auto values = parse_options("compare", kUsage, options, arguments);
  if (!values) return kExitOk;
  if (values->count("json") + values->count("csv") + values->count("markdown") > 1)
    throw InputError("kvsim compare", "options", "only one of --json, --csv and --markdown");
  const bool sorted = values->count("sort") != 0;
  const Column& about =
      comparison_column(sorted ? (*values)["sort"].as<std::string>() : std::string(kVerdictColumn));
  std::optional<ComparePage> page;
  if (values->count("html") != 0) page.emplace((*values)["html"].as<std::string>());
  std::vector<Variant> variants = variants_of(*values, page ? &*page : nullptr);
  if (sorted) sort_by(about, variants);
  if (page) page->commit(variants, about);
  print_result(printed(*values, variants, about));
  return kExitOk;
}

}  // namespace kvsim
