// kvsim list: everything a config can name, with one sentence and the file to read.

#include <array>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/core/registry.h"
#include "sim/core/spelling.h"
#include "sim/model/allocator.h"
#include "sim/model/builtin_configs.h"
#include "sim/model/cost_model.h"
#include "sim/model/eviction_policy.h"
#include "sim/model/preemption_policy.h"
#include "sim/model/router.h"
#include "sim/model/scheduler.h"
#include "sim/model/workload_source.h"
#include "workloads/trace_format.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
namespace po = boost::program_options;

constexpr std::string_view kUsage = "[KIND] [options]\n";

struct Item {
  std::string name, summary, file;
};

template <class Interface>
std::vector<Item> registered() {
  std::vector<Item> items;
  for (const auto& [name, entry] : Registry<Interface>::entries())
    items.push_back({name, std::string(entry.summary), std::string(entry.file)});
  return items;
}

// A shipped JSON file says what it is under /description.
template <const char* Folder>
std::vector<Item> shipped() {
  std::vector<Item> items;
  for (const std::string& name : builtin_config_names(Folder)) {
    const std::string file = fmt::format("configs/{}/{}.json", Folder, name);
    const Json document = Json::parse(builtin_config(Folder, name).value_or("{}"), nullptr,
                                      /*allow_exceptions=*/false, /*ignore_comments=*/true);
    const Json summary = document.is_object() ? document.value("description", Json("")) : Json("");
    items.push_back({name, summary.is_string() ? summary.get<std::string>() : "", file});
  }
  return items;
}

constexpr char kModels[] = "models";
constexpr char kDevices[] = "devices";
constexpr char kCosts[] = "costs";
constexpr char kScenarios[] = "scenarios";

struct Kind {
  std::string_view name, what;
  std::vector<Item> (*items)();
};

constexpr std::array kKinds{
    Kind{"allocator", "turns KV memory into room for sequences", registered<Allocator>},
    Kind{"eviction", "which cached block is given up", registered<EvictionPolicy>},
    Kind{"preemption", "which running sequence gives way", registered<PreemptionPolicy>},
    Kind{"batching", "who runs in the next step", registered<Scheduler>},
    Kind{"routing", "which replica serves a request", registered<Router>},
    Kind{"cost", "what a step takes", registered<CostModel>},
    Kind{"workload", "where requests come from", registered<WorkloadSource>},
    Kind{"format", "trace files that can be read", registered<TraceFormat>},
    Kind{kModels, "model architectures", shipped<kModels>},
    Kind{kDevices, "accelerators", shipped<kDevices>},
    Kind{kCosts, "timings of kernels on a device", shipped<kCosts>},
    Kind{kScenarios, "configs to run by name", shipped<kScenarios>},
};

std::span<const Kind> asked_for(const std::string& name) {
  if (name.empty()) return kKinds;
  std::vector<std::string> known;
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return {&kind, 1};
    known.emplace_back(kind.name);
  }
  throw InputError(
      "kvsim list", name,
      fmt::format("no such kind; known: {}{}", joined(known), did_you_mean(name, known)));
}

std::string as_text(std::span<const Kind> kinds) {
  std::string text;
  for (const Kind& kind : kinds) {
    const std::vector<Item> items = kind.items();
    std::size_t width = 0;
    for (const Item& item : items) width = std::max(width, item.name.size());
    text += fmt::format("{}{}: {}\n", text.empty() ? "" : "\n", kind.name, kind.what);
    for (const Item& item : items)
      text += fmt::format("  {:<{}}  {}{}({})\n", item.name, width, item.summary,
                          item.summary.empty() ? "" : " ", item.file);
    if (items.empty()) text += "  (none)\n";
  }
  return text;
}

std::string as_json(std::span<const Kind> kinds) {
  Json document = Json::object();
  for (const Kind& kind : kinds) {
    Json& items = document[std::string(kind.name)] = Json::array();
    for (const Item& item : kind.items())
      items.push_back({{"name", item.name}, {"summary", item.summary}, {"file", item.file}});
  }
  return document.dump(2) + "\n";
}

}  // namespace

int list_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("json", "print JSON");
  const auto values = parse_options("list", kUsage, options, arguments);
  if (!values) return kExitOk;
  std::vector<std::string> words;
  if (values->count("positional") != 0)
    words = (*values)["positional"].as<std::vector<std::string>>();
  if (words.size() > 1) throw InputError("kvsim list", words[1], "one kind at a time");
  const std::span<const Kind> kinds = asked_for(words.empty() ? "" : words[0]);
  print_result(values->count("json") != 0 ? as_json(kinds) : as_text(kinds));
  return kExitOk;
}

}  // namespace kvsim
