// kvsim curve: hit rate against cache size, every policy, no step timing.

#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/atomic_file.h"
#include "reports/curve_text.h"
#include "reports/html/curve_page.h"
#include "reports/html/report_html.h"
#include "sim/cli/config_file.h"
#include "sim/cli/console.h"
#include "sim/cli/curve_axes.h"
#include "sim/cli/options.h"
#include "sim/cli/parallel.h"
#include "sim/cli/trace_verbs.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "workloads/block_ids.h"
#include "workloads/trace_source.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

constexpr std::string_view kUsage =
    "[TRACE] [options]\n"
    "\n"
    "Replays the prompts of TRACE (a trace file, a config or a built-in scenario; without one, "
    "the\n"
    "workload inside the program) through caches of several sizes. Each request finishes before\n"
    "the next starts; answers are not cached.\n"
    "  --rule tree   a prefix cache: leaves go first, the request being served keeps its blocks\n"
    "  --rule flat   a cache of single blocks: any may go, what lies behind a hole is no hit\n"
    "Policies: kvsim list eviction, and min (optimal that lets every newcomer in).\n";

constexpr const char* kUsualCapacities = "0.01,0.02,0.05,0.1,0.2,0.5,inf";
constexpr std::int64_t kUsualBlock = 16;  // where the trace has no blocks of its own

std::string word(const po::variables_map& given, const char* option) {
  return given.count(option) == 0 ? "" : given[option].as<std::string>();
}

ConfigView config_of(const po::variables_map& given) {
  std::optional<std::string> argument;
  if (given.count("positional") != 0) {
    const auto& words = given["positional"].as<Words>();
    if (words.size() > 1) throw InputError("kvsim curve", words[1], "one trace at a time");
    argument = words[0];
  }
  ConfigView config = load_config("curve", argument).config;
  if (given.count("set") != 0)
    for (const std::string& assignment : given["set"].as<Words>()) config.set(assignment);
  if (given.count("format") != 0) config.set("/workload/format", word(given, "format"), "--format");
  return config;
}

std::optional<double> sample_of(const po::variables_map& given) {
  if (given.count("sample") == 0) return std::nullopt;
  const auto rate = given["sample"].as<double>();
  if (!(rate > 0 && rate <= 1))
    throw InputError("kvsim curve", "--sample",
                     fmt::format("expected a share above 0, at most 1, got {:g}", rate));
  return rate;
}

// --block-tokens, else the trace's own block.
std::int64_t block_of(const po::variables_map& given, const WorkloadSource& source) {
  if (const std::int64_t said = block_tokens_from(given, "curve"); said > 0) return said;
  const auto* trace = dynamic_cast<const TraceSource*>(&source);
  const std::int64_t own = trace == nullptr ? 0 : trace->file().block_tokens();
  return own == 0 ? kUsualBlock : own;
}

BlockTrace read_blocks(WorkloadSource& source, std::int64_t block_tokens) {
  BlockTrace trace(block_tokens);
  BlockIds names(block_tokens);
  std::vector<std::uint64_t> ids;
  Request r;
  while (source.upcoming()) {
    source.take(r);
    names.of(r.content, r.prompt, ids);
    trace.add(r, ids);
    source.ended(r, r.arrival);
  }
  return trace;
}

HitCurve curve_of(const po::variables_map& given) {
  CurveAxes axes{rules_from(given["rule"].as<std::string>()),
                 policies_from(word(given, "policies")),
                 {},
                 sample_of(given)};
  const std::string capacities = given["capacities"].as<std::string>();
  (void)capacities_from(capacities, 1);  // mistakes are told before a long trace is read
  const std::size_t threads = threads_from(given, "curve");
  const ConfigView config = config_of(given);
  const auto source = open_workload({config, static_cast<std::uint64_t>(config.integer("/seed"))});
  const BlockTrace trace = read_blocks(*source, block_of(given, *source));
  axes.capacities = capacities_from(capacities, static_cast<std::int64_t>(trace.blocks()));
  ProgressBar bar;
  const RunJobs jobs = [&](std::size_t count, const std::function<void(std::size_t)>& job) {
    run_jobs(
        count, threads, [&job](std::size_t i, const Progress&) { job(i); }, bar.callback());
  };
  return {source->identity(),
          trace.block_tokens(),
          static_cast<std::int64_t>(trace.requests()),
          static_cast<std::int64_t>(trace.blocks()),
          axes.sample,
          hit_curve(trace, axes, jobs)};
}

}  // namespace

int curve_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("block-tokens", po::value<std::int64_t>()->value_name("N"),
                        "tokens in a block (default: the trace's own block, else 16)")(
      "rule", po::value<std::string>()->value_name("tree|flat")->default_value("tree"),
      "what may be evicted; a comma list for both")(
      "policies", po::value<std::string>()->value_name("A,B"), "default: all")(
      "capacities", po::value<std::string>()->value_name("C,C")->default_value(kUsualCapacities),
      "blocks, shares of the working set (0 < x < 1), or inf")(
      "sample", po::value<double>()->value_name("RATE"),
      "replay only this share of the blocks and estimate, with the error (SHARDS)")(
      "jobs", po::value<int>()->value_name("N"), "threads (default: one per core)")(
      "format", po::value<std::string>(), "format of TRACE; found out if not given")(
      "set", po::value<Words>()->composing()->value_name("/PTR=VALUE"),
      "override a config field; may be repeated")(
      "html", po::value<std::string>()->value_name("FILE"), "also write a page that draws them")(
      "json", po::value<std::string>()->value_name("FILE"),
      "write JSON there; - prints it instead of the table")("csv",
                                                            "print CSV instead of the table");
  const auto given = parse_options("curve", kUsage, options, arguments);
  if (!given) return kExitOk;
  const std::string json = word(*given, "json");
  const bool csv = given->count("csv") != 0;
  if (json == "-" && csv)
    throw InputError("kvsim curve", "options", "only one of --json - and --csv");
  std::unique_ptr<AtomicFile> file;
  if (!json.empty() && json != "-") file = std::make_unique<AtomicFile>(json);
  std::unique_ptr<AtomicFile> page;
  if (given->count("html") != 0) page = std::make_unique<AtomicFile>(word(*given, "html"));
  const HitCurve curve = curve_of(*given);
  if (file) {
    file->write(curve_json(curve));
    file->commit();
  }
  if (page) {
    page->write(report_html(curve_page(curve)));
    page->commit();
  }
  print_result(json == "-" ? curve_json(curve)
               : csv       ? curve_csv(curve)
                           : curve_plot(curve) + curve_table(curve));
  return kExitOk;
}

}  // namespace kvsim
