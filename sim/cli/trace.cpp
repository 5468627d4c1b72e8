// kvsim trace: looks at, converts and makes workloads.

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/actions.h"
#include "sim/cli/trace_verbs.h"
#include "sim/core/input_error.h"

namespace kvsim {

namespace po = boost::program_options;

namespace {

constexpr std::array kActions{
    Action{"info", "lengths, arrivals, sessions and ideal prefix reuse", trace_info},
    Action{"convert", "another format; slices and scales on the way", trace_convert},
    Action{"generate", "draws a workload from /workload/generate", trace_generate},
};

}  // namespace

int trace_verb(Arguments arguments) { return run_action("trace", kActions, arguments); }

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
