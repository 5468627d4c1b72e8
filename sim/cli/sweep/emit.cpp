// kvsim sweep emit: the script that has an engine run the sweep.

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/sweep/scripts.h"
#include "sim/cli/sweep/shard.h"
#include "sim/cli/sweep/sweep_actions.h"
#include "sim/cli/sweep/sweep_folder.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kVerb = "sweep emit";
constexpr std::string_view kUsage =
    "slurm|k8s|parallel DIR [options]\n"
    "\n"
    "Prints what sbatch, kubectl apply -f - or sh take. Every worker must see the program and "
    "DIR.\n";

struct Engine {
  std::string_view name;
  std::string (*script)(const SweepJob&);
};
constexpr std::array kEngines{Engine{"k8s", kubernetes_job}, Engine{"parallel", parallel_script},
                              Engine{"slurm", slurm_script}};

const Engine& engine_named(const std::string& name) {
  std::vector<std::string> known;
  for (const Engine& engine : kEngines) {
    if (engine.name == name) return engine;
    known.emplace_back(engine.name);
  }
  throw InputError(
      "kvsim sweep emit", name,
      fmt::format("no such engine; known: {}{}", joined(known), did_you_mean(name, known)));
}

// Far fewer tasks than points: starting a task costs an engine a second or so.
std::int64_t usual_shards(std::int64_t points) {
  constexpr std::int64_t kPointsEach = 25, kMostTasks = 100;
  return std::clamp<std::int64_t>(points / kPointsEach, 1, kMostTasks);
}

SweepJob job_from(const po::variables_map& values, const SweepFolder& sweep, bool elsewhere) {
  const auto text = [&](const char* option) { return values[option].as<std::string>(); };
  SweepJob job;
  job.folder = elsewhere ? text("mount") : std::filesystem::absolute(sweep.path()).string();
  job.manifest = sweep.digest();
  job.points = static_cast<std::int64_t>(sweep.points().size());
  job.shards = count_from(values, "shards", kVerb, usual_shards(job.points), kMostShards);
  job.jobs = count_from(values, "jobs", kVerb, 1, kMostShards);
  if (values.count("at-once") != 0)
    job.at_once = count_from(values, "at-once", kVerb, 1, kMostShards);
  job.program = text("program");
  job.image = text("image");
  job.claim = text("claim");
  return job;
}

}  // namespace

int sweep_emit(Arguments arguments) {
  po::options_description options("options");
  const auto word = [](const char* fallback, const char* name) {
    return po::value<std::string>()->default_value(fallback)->value_name(name);
  };
  options.add_options()("shards", po::value<std::int64_t>()->value_name("N"),
                        "tasks of the engine (default: one for 25 points, at most 100)")(
      "at-once", po::value<std::int64_t>()->value_name("N"),
      "of them at a time (default: all; of parallel, one per core)")(
      "jobs", po::value<std::int64_t>()->value_name("N"),
      "threads, and CPUs, of each (default: 1)")("program", word("kvsim", "PATH"),
                                                 "the program, as workers see it")(
      "image", word("kvsim:" KVSIM_VERSION, "NAME"), "k8s: the container image that has it")(
      "claim", word("kvsim-sweep", "NAME"), "k8s: the PersistentVolumeClaim whose root is DIR")(
      "mount", word("/sweep", "PATH"), "k8s: where the container sees it");
  const auto values = parse_options(kVerb, kUsage, options, arguments);
  if (!values) return kExitOk;
  const std::vector<std::string> words = positional(*values, kVerb, "ENGINE DIR");
  const Engine& engine = engine_named(words[0]);
  const bool elsewhere = engine.name == "k8s";
  for (const char* option : {"image", "claim", "mount"})
    if (!elsewhere && !(*values)[option].defaulted())
      throw InputError("kvsim sweep emit", fmt::format("--{}", option), "is for k8s only");
  print_result(engine.script(job_from(*values, SweepFolder(words[1]), elsewhere)));
  return kExitOk;
}

}  // namespace kvsim
