// kvsim sweep status: how far a sweep is.

#include <fmt/format.h>

#include "reports/text.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/sweep/point_result.h"
#include "sim/cli/sweep/shard.h"
#include "sim/cli/sweep/sweep_actions.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kVerb = "sweep status";
constexpr std::string_view kUsage =
    "DIR [options]\n"
    "\n"
    "Counts the points that are done, that cannot run, and that have no result yet.\n";

struct Tally {
  std::int64_t done = 0, failed = 0, missing = 0;
};

void add(const PointResult& result, Tally& tally) {
  if (!result.settled())
    ++tally.missing;
  else
    ++(result.state == PointResult::State::kDone ? tally.done : tally.failed);
}

// What a person wants to read about: why points cannot run, and what lies there in vain.
std::string remark(const SweepPoint& point, const PointResult& result) {
  const char* kind = result.state == PointResult::State::kFailed  ? "cannot run"
                     : result.state == PointResult::State::kStale ? "to be made again"
                                                                  : nullptr;
  if (kind == nullptr) return {};
  return fmt::format("point {} ({}) {}: {}\n", point.index, point.label, kind, result.problem);
}

std::string shard_table(const std::vector<Tally>& shards) {
  Cells rows{{"shard", "done", "cannot run", "missing"}};
  for (std::size_t i = 0; i < shards.size(); ++i)
    rows.push_back({fmt::format("{}", i), grouped(shards[i].done), grouped(shards[i].failed),
                    grouped(shards[i].missing)});
  return aligned(rows);
}

}  // namespace

int sweep_status(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("shards", po::value<std::int64_t>()->value_name("N"),
                        "also each of N shards by itself");
  const auto values = parse_options(kVerb, kUsage, options, arguments);
  if (!values) return kExitOk;
  const SweepFolder sweep(positional(*values, kVerb, "DIR")[0]);
  const bool by_shard = values->count("shards") != 0;
  std::vector<Tally> shards(
      static_cast<std::size_t>(count_from(*values, "shards", kVerb, 1, kMostShards)));
  Tally all;
  std::vector<std::int64_t> missing;
  std::string remarks;
  for (const SweepPoint& point : sweep.points()) {
    const PointResult result = read_result(sweep, point);
    add(result, all);
    add(result, shards[static_cast<std::size_t>(point.index) % shards.size()]);
    remarks += remark(point, result);
    if (!result.settled()) missing.push_back(point.index);
  }
  for (const std::string& file : sweep.foreign_results())
    remarks += fmt::format("{}: the result of another plan\n", file);
  std::string text = fmt::format("{}: {}: {} done, {} cannot run, {} missing\n", sweep.path(),
                                 counted(static_cast<std::int64_t>(sweep.points().size()), "point"),
                                 grouped(all.done), grouped(all.failed), grouped(all.missing));
  if (!missing.empty()) text += fmt::format("missing: {}\n", index_ranges(missing));
  if (by_shard) text += shard_table(shards);
  print_result(text + remarks);
  return kExitOk;
}

}  // namespace kvsim
