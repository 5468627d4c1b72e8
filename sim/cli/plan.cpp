// kvsim plan: what to buy, how to set it, and how sure that is.

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/atomic_file.h"
#include "reports/html/plan_page.h"
#include "reports/html/report_html.h"
#include "reports/plan_report.h"
#include "sim/cli/config_file.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/plan/demand.h"
#include "sim/cli/plan/planner.h"
#include "sim/cli/plan/prices.h"
#include "sim/cli/server_options.h"
#include "sim/cli/variants.h"
#include "sim/cli/verbs.h"
#include "sim/cli/vllm/serve_line.h"
#include "sim/engine/catalog.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

constexpr std::string_view kProgram = "kvsim plan";
constexpr std::string_view kUsage =
    "[CONFIG] --slo GOALS [options]\n"
    "\n"
    "The smallest fleet that meets GOALS, for every device and setting, and the cheapest of them.\n"
    "CONFIG is a JSON config, a built-in scenario or a trace file, as of kvsim run; /replicas is\n"
    "what is looked for. GOALS: ttft_p99=2s,tpot_p99=50ms (ttft, tpot, itl, e2e with _mean, _p50,\n"
    "_p90, _p95, _p99, _max), or what a request must meet and how many must:\n"
    "ttft=2s,tpot=50ms,goodput=95%. Exit code 99: nothing meets them.\n";

template <class Value>
Value number_from(const po::variables_map& values, const char* option, Value low, Value high) {
  const auto value = values[option].as<Value>();
  if (!(value >= low && value <= high))
    throw InputError(kProgram, fmt::format("--{}", option),
                     fmt::format("expected {} to {}, got {}", low, high, value));
  return value;
}

std::string device_of(const ConfigView& config) { return load_device(config).name; }

std::vector<Candidate> candidates_of(const LoadedConfig& loaded, const po::variables_map& values) {
  Words sets;
  if (values.count("devices") != 0)
    sets.push_back("/device=" + values["devices"].as<std::string>());
  if (values.count("set") != 0)
    for (const std::string& set : values["set"].as<Words>()) sets.push_back(set);
  for (const std::string& set : sets)
    if (set.starts_with("/replicas="))
      throw InputError(kProgram, "--set " + set, "the plan finds it; --max-gpus limits it");
  std::vector<Candidate> all;
  for (PlannedRun& run : plan_points(loaded, sets)) {
    if (run.config.text("/mode") != "serve")
      throw InputError(kProgram, "/mode", "nothing happens in time when requests run alone");
    if (!run.config.tree("/pools").empty())
      throw InputError(kProgram, "/pools",
                       "a plan is of equal replicas; compare pools with kvsim compare");
    constexpr std::string_view kDevice = "device=";
    if (run.label.starts_with(kDevice)) run.label.erase(0, kDevice.size());
    const std::string device = device_of(run.config);
    if (run.label.empty()) run.label = device;
    all.push_back({run.label, run.settings, std::move(run.config), device});
  }
  return all;
}

// --rate: arrivals so much faster or slower that so many come a second.
void set_rate(double rate, std::vector<Candidate>& candidates) {
  constexpr const char* kScale = "/workload/rate_scale";
  std::string read;
  double own = 0;
  for (Candidate& candidate : candidates) {
    const std::string workload = candidate.config.resolved()["workload"].dump();
    if (workload != read) {
      const Demand demand = read_demand(candidate.config);
      if (!demand.open_loop)
        throw InputError(kProgram, "--rate",
                         "turns of this workload wait for answers; set /workload/rate_scale");
      own = demand.requests_per_s();
      if (own == 0)
        throw InputError(kProgram, "--rate", "all requests arrive at once; set /workload/arrivals");
      read = workload;
    }
    candidate.config.set(kScale, candidate.config.number(kScale) * rate / own, "--rate");
  }
}

void set_prices(const Prices& prices, std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates)
    candidate.price_per_gpu = prices.of(candidate.device).per_gpu_hour;
}

Words price_sources(const Prices& prices, const std::vector<Candidate>& candidates) {
  Words sources;
  for (const Candidate& candidate : candidates) {
    const GpuPrice& price = prices.of(candidate.device);
    const std::string line = fmt::format("{} {:g} {} per GPU-hour ({})", candidate.device,
                                         price.per_gpu_hour, prices.currency(), price.source);
    if (std::find(sources.begin(), sources.end(), line) == sources.end()) sources.push_back(line);
  }
  return sources;
}

po::options_description described() {
  po::options_description options("options");
  options.add_options()("slo", po::value<std::string>()->value_name("GOALS"),
                        "what the fleet must keep")(
      "devices", po::value<std::string>()->value_name("A,B"), "GPUs to choose from")(
      "set", po::value<Words>()->composing()->value_name("/PTR=A,B"),
      "a config field, or several values of it to choose from; may be repeated")(
      "rate", po::value<double>()->value_name("R"),
      "requests/s, on average (default: the workload's own arrivals)")(
      "prices", po::value<std::string>()->value_name("FILE"),
      "what GPUs cost (reports/README.md); without it, GPUs are counted")(
      "max-gpus", po::value<std::int64_t>()->value_name("N")->default_value(64),
      "largest fleet to consider")(
      "within", po::value<double>()->value_name("X")->default_value(1.5),
      "look into fleets of up to X times the cheapest one's price; inf: all")(
      "seeds", po::value<std::int64_t>()->value_name("N")->default_value(1),
      "every fleet must meet the goals on N seeds")("jobs", po::value<int>()->value_name("N"),
                                                    "threads (default: one per core)")(
      "html", po::value<std::string>()->value_name("FILE"),
      "also write a page that draws the fleets")("json", "print JSON");
  add_server_options(options);
  return options;
}

}  // namespace

int plan_verb(Arguments arguments) {
  const auto values = parse_options("plan", kUsage, described(), arguments);
  if (!values) return kExitOk;
  std::optional<std::string> argument;
  if (values->count("positional") != 0) {
    const auto& words = (*values)["positional"].as<Words>();
    if (words.size() > 1) throw InputError(kProgram, words[1], "one config at a time");
    argument = words[0];
  }
  if (values->count("slo") == 0)
    throw InputError(kProgram, "--slo", "missing: what must the fleet keep? As in ttft_p99=2s");
  PlanRequest request;
  request.slo = parse_slo((*values)["slo"].as<std::string>());
  request.within = number_from<double>(*values, "within", 1, HUGE_VAL);
  request.max_gpus = number_from<std::int64_t>(*values, "max-gpus", 1, 4096);
  request.seeds = number_from<std::int64_t>(*values, "seeds", 1, 1000);
  request.threads = threads_from(*values, "plan");
  LoadedConfig loaded = load_config("plan", argument);
  apply_server_options(*values, "plan", loaded.config);
  request.candidates = candidates_of(loaded, *values);
  for (Candidate& candidate : request.candidates) set_objectives(request.slo, candidate.config);
  std::optional<Prices> prices;
  if (values->count("prices") != 0) {
    Words devices;
    for (const Candidate& candidate : request.candidates) devices.push_back(candidate.device);
    prices.emplace((*values)["prices"].as<std::string>(), devices);
    set_prices(*prices, request.candidates);
  }
  if (values->count("rate") != 0)
    set_rate(number_from<double>(*values, "rate", 1e-6, 1e6), request.candidates);
  std::optional<AtomicFile> page;
  if (values->count("html") != 0) page.emplace((*values)["html"].as<std::string>());
  ProgressBar bar;
  request.progress = bar.callback();
  PlanReport plan = make_plan(request);
  if (plan.winner) plan.serve = serve_lines(request.candidates[*plan.winner].config);
  if (prices) {
    plan.currency = prices->currency();
    plan.price_sources = price_sources(*prices, request.candidates);
  }
  if (page) {
    page->write(report_html(plan_page(plan)));
    page->commit();
  }
  print_result(values->count("json") != 0 ? plan_json(plan) : plan_text(plan));
  return plan.winner ? kExitOk : kExitThreshold;
}

}  // namespace kvsim
