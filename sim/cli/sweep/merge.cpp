// kvsim sweep merge: the outcomes of all points, in the manifest's order, whoever made them.

#include <memory>
#include <set>

#include <fmt/format.h>

#include "reports/atomic_file.h"
#include "reports/text.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/sweep/merged_rows.h"
#include "sim/cli/sweep/shard.h"
#include "sim/cli/sweep/sweep_actions.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kVerb = "sweep merge";
constexpr std::string_view kUsage =
    "DIR [--csv FILE] [--jsonl FILE] [options]\n"
    "\n"
    "Writes one row per point, in the order of the plan; without a file, CSV to stdout. If points\n"
    "have no result yet, prints the shards to run again as --array=3,7-9 and exits with 3.\n";

std::unique_ptr<AtomicFile> file_for(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0) return nullptr;
  return std::make_unique<AtomicFile>(values[option].as<std::string>());
}

/// Rows on their way to files, or to stdout if there are none.
class Merged {
 public:
  Merged(const SweepFolder& sweep, const po::variables_map& values)
      : table_(sweep.points()), csv_(file_for(values, "csv")), jsonl_(file_for(values, "jsonl")) {
    write_csv(table_.header());
  }
  void add(const SweepPoint& point, const PointResult& result) {
    if (csv_ || !jsonl_) write_csv(table_.row(point, result));
    if (jsonl_) jsonl_->write(merged_json(point, result));
  }
  /// Puts the files in place; what is to be printed instead, if there are none.
  [[nodiscard]] std::string commit() {
    if (csv_) csv_->commit();
    if (jsonl_) jsonl_->commit();
    return csv_ || jsonl_ ? "" : text_;
  }

 private:
  void write_csv(const std::string& line) {
    if (csv_)
      csv_->write(line);
    else
      text_ += line;
  }
  MergedCsv table_;
  std::unique_ptr<AtomicFile> csv_, jsonl_;
  std::string text_;
};

void refuse_foreign(const SweepFolder& sweep) {
  const std::vector<std::string> foreign = sweep.foreign_results();
  if (!foreign.empty())
    throw InputError(
        foreign.front(), "the result of another plan",
        fmt::format("{} in {}/results; take them away",
                    counted(static_cast<std::int64_t>(foreign.size()), "such file"), sweep.path()));
}

}  // namespace

int sweep_merge(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("csv", po::value<std::string>()->value_name("FILE"),
                        "one row per point: settings, and the columns of kvsim compare --csv")(
      "jsonl", po::value<std::string>()->value_name("FILE"),
      "one line per point: settings, and the whole summary")(
      "shards", po::value<std::int64_t>()->value_name("N"),
      "how many shards the sweep was run as (default: a shard per point)");
  const auto values = parse_options(kVerb, kUsage, options, arguments);
  if (!values) return kExitOk;
  const SweepFolder sweep(positional(*values, kVerb, "DIR")[0]);
  const auto total = static_cast<std::int64_t>(sweep.points().size());
  const std::int64_t shards = count_from(*values, "shards", kVerb, total, kMostShards);
  refuse_foreign(sweep);
  Merged merged(sweep, *values);
  std::set<std::int64_t> unfinished;  // shards
  std::int64_t missing = 0, failed = 0;
  for (const SweepPoint& point : sweep.points()) {
    const PointResult result = read_result(sweep, point);
    if (result.state == PointResult::State::kStale)
      fmt::print(stderr, "kvsim sweep merge: point {} ({}) is to be made again: {}\n", point.index,
                 point.label, result.problem);
    if (result.settled()) {
      failed += result.state == PointResult::State::kFailed ? 1 : 0;
      merged.add(point, result);
    } else {
      ++missing;
      unfinished.insert(point.index % shards);
    }
  }
  if (missing > 0) {
    fmt::print(stderr, "kvsim sweep merge: {}: {} of {} without a result; of {} run these again:\n",
               sweep.path(), grouped(missing), counted(total, "point"), counted(shards, "shard"));
    print_result(fmt::format("--array={}\n", index_ranges({unfinished.begin(), unfinished.end()})));
    return kExitIncomplete;
  }
  print_result(merged.commit());
  if (failed > 0)
    fmt::print(stderr, "kvsim sweep merge: {}: {} of {} cannot run; their rows say why\n",
               sweep.path(), grouped(failed), counted(total, "point"));
  return kExitOk;
}

}  // namespace kvsim
