// kvsim sweep plan: the points, and everything they need, into a folder.

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"
#include "sim/cli/console.h"
#include "sim/cli/named_files.h"
#include "sim/cli/options.h"
#include "sim/cli/sweep/sweep_actions.h"
#include "sim/cli/sweep/sweep_folder.h"
#include "sim/cli/variants.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostPoints = 100'000;
constexpr std::string_view kVerb = "sweep plan";
constexpr std::string_view kUsage =
    "CONFIG --set /PTR=A,B,C ... --out DIR\n"
    "\n"
    "Writes DIR/manifest.jsonl, a line per point, and copies what the points read (trace, model,\n"
    "device, prices) into DIR/inputs: DIR is all that a worker needs. CONFIG and lists are those "
    "of\n"
    "kvsim compare. The same plan again changes nothing; another one needs another folder.\n";

// Every run on each of `seeds` seeds, the seeds of one run side by side.
std::vector<PlannedRun> on_seeds(std::vector<PlannedRun> runs, std::int64_t seeds) {
  if (seeds == 1) return runs;
  std::vector<PlannedRun> all;
  all.reserve(runs.size() * static_cast<std::size_t>(seeds));
  for (const PlannedRun& run : runs) {
    const std::int64_t first = run.config.integer("/seed");
    for (std::int64_t seed = first; seed < first + seeds; ++seed) {
      PlannedRun& seeded = all.emplace_back(run);
      seeded.config.set("/seed", seed, "--seeds");
      seeded.settings["/seed"] = seed;
      seeded.label += fmt::format(" seed={}", seed);
    }
  }
  return all;
}

// Every field that is not its default; files as the sweep's folder keeps them.
SweepPoint point_of(const PlannedRun& run, std::int64_t index, InputFiles& files) {
  SweepPoint point;
  point.index = index;
  point.label = run.label;
  point.settings = run.settings;
  const Json resolved = run.config.resolved();
  const Json identity = run.config.identity();
  for (const auto& [pointer, value] : identity.items())
    point.config[pointer] = resolved[Json::json_pointer(pointer)];
  for (const NamedFile& file : named_files(run.config)) {
    const InputFiles::Kept& kept = files.keep(file.path);
    point.inputs[file.pointer] = kept.digest;
    point.config[file.pointer] = kept.place;
  }
  point.config_digest = config_of(point, "manifest.jsonl").digest();
  point.id = id_of(point);
  return point;
}

// A point's result is named by its id.
void refuse_twins(const std::vector<SweepPoint>& points) {
  std::map<std::string, const SweepPoint*> by_id;
  for (const SweepPoint& point : points) {
    const auto [other, first] = by_id.emplace(point.id, &point);
    if (!first)
      throw InputError(
          "kvsim sweep plan", fmt::format("'{}'", point.label),
          fmt::format("the same run as '{}': leave one of them out", other->second->label));
  }
}

void write_plan(const std::string& out, const std::vector<SweepPoint>& points,
                const InputFiles& files) {
  if (is_sweep_folder(out)) {
    const SweepFolder earlier(out);
    if (manifest_text(earlier.points()) != manifest_text(points))
      throw InputError(
          out, "manifest.jsonl",
          fmt::format("another plan, of {}: plan into a new folder",
                      counted(static_cast<std::int64_t>(earlier.points().size()), "point")));
  }
  write_sweep_folder(out, points, files);
}

}  // namespace

int sweep_plan(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("set", po::value<Words>()->composing()->value_name("/PTR=A,B"),
                        "override a config field, with one value or several; may be repeated")(
      "seeds", po::value<std::int64_t>()->value_name("N"), "every point on N seeds")(
      "out", po::value<std::string>()->value_name("DIR"), "the sweep's folder");
  const auto values = parse_options(kVerb, kUsage, options, arguments);
  if (!values) return kExitOk;
  const LoadedConfig loaded = load_config(kVerb, positional(*values, kVerb, "CONFIG")[0]);
  if (values->count("out") == 0)
    throw InputError("kvsim sweep plan", "--out", "missing: the folder to write to");
  const std::string out = (*values)["out"].as<std::string>();
  const std::int64_t seeds = count_from(*values, "seeds", kVerb, 1, kMostSeeds);
  const Words sets = values->count("set") == 0 ? Words{} : (*values)["set"].as<Words>();
  const std::vector<PlannedRun> runs =
      on_seeds(plan_variants(loaded, sets, static_cast<std::size_t>(kMostPoints / seeds)), seeds);
  InputFiles files;
  std::vector<SweepPoint> points;
  points.reserve(runs.size());
  for (const PlannedRun& run : runs)
    points.push_back(point_of(run, static_cast<std::int64_t>(points.size()), files));
  refuse_twins(points);
  write_plan(out, points, files);
  print_result(fmt::format("{}: {}, manifest {}\n", out,
                           counted(static_cast<std::int64_t>(points.size()), "point"),
                           SweepFolder(out).digest()));
  return kExitOk;
}

}  // namespace kvsim
