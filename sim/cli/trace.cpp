// kvsim trace: looks at, converts and makes workloads.

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/trace_verbs.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {

namespace po = boost::program_options;

namespace {

struct TraceVerb {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments);
};

constexpr std::array kTraceVerbs{
    TraceVerb{"info", "lengths, arrivals, sessions and ideal prefix reuse", trace_info},
    TraceVerb{"convert", "another format; slices and scales on the way", trace_convert},
    TraceVerb{"generate", "draws a workload from /workload/generate", trace_generate},
};

void print_usage(std::FILE* to) {
  for (const TraceVerb& verb : kTraceVerbs)
    fmt::print(to, "  kvsim trace {:<9} {}\n", verb.name, verb.summary);
}

}  // namespace

int trace_verb(Arguments arguments) {
  if (arguments.empty()) {
    print_usage(stderr);
    return kExitBadInput;
  }
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    print_usage(stdout);
    return kExitOk;
  }
  std::vector<std::string> known;
  for (const TraceVerb& verb : kTraceVerbs) {
    if (verb.name == arguments[0]) return verb.run(arguments.subspan(1));
    known.emplace_back(verb.name);
  }
  throw InputError(
      "kvsim trace", arguments[0],
      fmt::format("no such action; known: {}{}", joined(known), did_you_mean(arguments[0], known)));
}

std::vector<std::string> positional(const po::variables_map& given, std::string_view verb,
                                    std::string_view names) {
  std::vector<std::string> values;
  if (given.count("positional") != 0) values = given["positional"].as<std::vector<std::string>>();
  const auto wanted = static_cast<std::size_t>(std::count(names.begin(), names.end(), ' ')) + 1;
  if (values.size() != wanted)
    throw InputError(
        fmt::format("kvsim {}", verb), "arguments",
        fmt::format("expected {}, got {}; see kvsim {} --help", names, values.size(), verb));
  return values;
}

ConfigView config_from(const po::variables_map& given) {
  ConfigView config;
  if (given.count("set") != 0)
    for (const std::string& assignment : given["set"].as<std::vector<std::string>>())
      config.set(assignment);
  if (given.count("format") != 0)
    config.set("/workload/format", given["format"].as<std::string>(), "--format");
  return config;
}

std::int64_t block_tokens_from(const po::variables_map& given, std::string_view verb) {
  if (given.count("block-tokens") == 0) return 0;
  constexpr std::int64_t kLargest = 1 << 20;
  const auto value = given["block-tokens"].as<std::int64_t>();
  if (value < 1 || value > kLargest)
    throw InputError(fmt::format("kvsim {}", verb), "--block-tokens",
                     fmt::format("expected 1 to {}, got {}", kLargest, value));
  return value;
}

}  // namespace kvsim
