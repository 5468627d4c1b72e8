// kvsim sweep run: the points of a shard that have no result yet.
//
// Workers need not know of each other. A result appears whole or not at all, and two that run the
// same point write the same bytes; so any of them may be killed, started again, or started twice.

#include <atomic>
#include <cstdlib>
#include <new>

#include <fmt/format.h>

#include "reports/text.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/parallel.h"
#include "sim/cli/sweep/point_result.h"
#include "sim/cli/sweep/shard.h"
#include "sim/cli/sweep/sweep_actions.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kVerb = "sweep run";
constexpr std::string_view kUsage =
    "DIR [options]\n"
    "\n"
    "Runs the points of a planned sweep that have no result yet, all or a shard of them. It may "
    "be\n"
    "killed at any time and started again. Without --shard, a Slurm array, a Kubernetes Indexed "
    "Job\n"
    "(with KVSIM_SHARDS) or Open MPI says which shard this is. Exit 2: some points cannot run.\n";

/// Runs points, on any number of threads at once.
class Worker {
 public:
  Worker(const SweepFolder& sweep, bool verbose) : sweep_(sweep), verbose_(verbose) {}

  /// Throws InputError if the outcome cannot be written.
  void work(const SweepPoint& point, const Progress& progress) {
    const PointResult before = read_result(sweep_, point);
    if (before.state == PointResult::State::kFailed) tell_failed(point, before.problem);
    if (before.settled()) {
      ++found_;
      return;
    }
    if (before.state == PointResult::State::kStale)
      say(point, "made again: there was a result, but " + before.problem);
    run(point, progress);
  }

  [[nodiscard]] bool all_well() const { return failed_ == 0 && too_large_ == 0; }
  [[nodiscard]] std::string summary() const {
    std::string text = fmt::format("{} run, {} were there", grouped(ran_), grouped(found_));
    if (failed_ > 0) text += fmt::format("; {} cannot run", grouped(failed_));
    if (too_large_ > 0) text += fmt::format("; {} ran out of memory", grouped(too_large_));
    return text;
  }

 private:
  // A config that cannot run is an outcome, and is written. Memory may suffice elsewhere, so its
  // want is not. Either way the other points go on.
  void run(const SweepPoint& point, const Progress& progress) {
    Report report;
    std::string problem;
    try {
      report = run_experiment(sweep_.config(point), {}, progress);
    } catch (const InputError& error) {
      problem = sweep_.without_path(error.what());
    } catch (const std::bad_alloc&) {
      ++too_large_;
      say(point, "out of memory: fewer --jobs, or a larger machine");
      return;
    }
    if (!problem.empty()) {
      sweep_.check_inputs({&point});  // else it is not the config that is broken
      write_failed(sweep_, point, problem);
      tell_failed(point, problem);
    } else {
      write_done(sweep_, point, report);
    }
    ++ran_;
    if (verbose_) say(point, "run");
  }

  void tell_failed(const SweepPoint& point, const std::string& problem) {
    ++failed_;
    say(point, problem);
  }
  void say(const SweepPoint& point, std::string_view what) const {
    fmt::print(stderr, "kvsim sweep run: point {} ({}): {}\n", point.index, point.label, what);
  }

  const SweepFolder& sweep_;
  bool verbose_;
  std::atomic<std::int64_t> ran_ = 0, found_ = 0, failed_ = 0, too_large_ = 0;
};

Shard shard_of(const po::variables_map& values) {
  if (values.count("shard") != 0) return parse_shard(values["shard"].as<std::string>());
  return shard_from([](const char* name) { return std::getenv(name); });
}

// A job that was made for another plan must not work on this one.
void check_plan(const SweepFolder& sweep, const po::variables_map& values) {
  if (values.count("manifest") == 0) return;
  const auto& expected = values["manifest"].as<std::string>();
  if (expected != sweep.digest())
    throw InputError(sweep.path(), "--manifest",
                     fmt::format("this folder holds manifest {}, and the job is of {}: kvsim sweep "
                                 "emit writes a new one",
                                 sweep.digest(), expected));
}

std::vector<const SweepPoint*> points_in(const SweepFolder& sweep, const Shard& shard) {
  std::vector<const SweepPoint*> points;
  for (const SweepPoint& point : sweep.points())
    if (shard.holds(point.index)) points.push_back(&point);
  return points;
}

}  // namespace

int sweep_run(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("shard", po::value<std::string>()->value_name("K/N"),
                        "of N shards the K-th, from 0 (default: what the engine says, else all)")(
      "jobs", po::value<int>()->value_name("N"), "threads (default: one per core)")(
      "manifest", po::value<std::string>()->value_name("DIGEST"),
      "refuse another plan than this; scripts of kvsim sweep emit say it")(
      "verbose", "a line on stderr for every point that was run");
  const auto values = parse_options(kVerb, kUsage, options, arguments);
  if (!values) return kExitOk;
  const SweepFolder sweep(positional(*values, kVerb, "DIR")[0]);
  check_plan(sweep, *values);
  const Shard shard = shard_of(*values);
  const std::size_t threads = threads_from(*values, kVerb);
  const std::vector<const SweepPoint*> points = points_in(sweep, shard);
  sweep.check_inputs(points);
  sweep.clear_leftovers();
  Worker worker(sweep, values->count("verbose") != 0);
  {
    ProgressBar bar;
    run_jobs(
        points.size(), threads,
        [&](std::size_t i, const Progress& progress) { worker.work(*points[i], progress); },
        bar.callback());
  }
  print_result(fmt::format("{}: shard {}/{}: {}: {}\n", sweep.path(), shard.index, shard.count,
                           counted(static_cast<std::int64_t>(points.size()), "point"),
                           worker.summary()));
  return worker.all_well() ? kExitOk : kExitBadInput;
}

}  // namespace kvsim
