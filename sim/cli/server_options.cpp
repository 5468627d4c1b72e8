#include "sim/cli/server_options.h"

#include <cstdio>

#include <fmt/format.h>

#include "sim/cli/vllm/args.h"
#include "sim/cli/vllm/log.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

void tell(std::string_view verb, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) fmt::print(stderr, "kvsim {}: {}\n", verb, line);
}

}  // namespace

void add_server_options(po::options_description& options) {
  options.add_options()("vllm-args", po::value<std::string>()->value_name("LINE"),
                        "a pasted \"vllm serve MODEL --flag ...\" line")(
      "vllm-log", po::value<std::string>()->value_name("FILE"),
      "a vLLM server's start-up log: its number of KV blocks is taken");
}

void apply_server_options(const po::variables_map& values, std::string_view verb,
                          ConfigView& config) {
  if (values.count("vllm-args") != 0)
    tell(verb, set_vllm_args(values["vllm-args"].as<std::string>(), config));
  if (values.count("vllm-log") != 0)
    tell(verb, set_vllm_log(values["vllm-log"].as<std::string>(), config));
}

}  // namespace kvsim
