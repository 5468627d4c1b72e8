// kvsim ops: replays memory-manager operations the way a real engine carries them out.

#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sim/cli/ops/replay.h"
#include "sim/cli/options.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"
#include "workloads/text_input.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "FILE --dialect vllm|sglang\n"
    "Carries out one JSON operation per line of FILE (- is standard input) and prints one JSON\n"
    "record each. A line that cannot be carried out gives a record with \"error\", the rest goes "
    "on,\n"
    "and the exit code is 2.\n";

std::unique_ptr<OpsDialect> dialect_of(const po::variables_map& given) {
  if (given.count("dialect") == 0)
    throw InputError("kvsim ops", "--dialect", "is missing; give vllm or sglang");
  const auto& word = given["dialect"].as<std::string>();
  if (word == "vllm") return make_vllm_ops();
  if (word == "sglang") return make_sglang_ops();
  throw InputError("kvsim ops", "--dialect",
                   fmt::format("no dialect named '{}'; known: sglang, vllm{}", word,
                               did_you_mean(word, {"sglang", "vllm"})));
}

std::string file_of(const po::variables_map& given) {
  if (given.count("positional") == 0)
    throw InputError("kvsim ops", "FILE", "is missing; see kvsim ops --help");
  const auto& files = given["positional"].as<std::vector<std::string>>();
  if (files.size() > 1)
    throw InputError("kvsim ops", files[1], "one FILE at a time; see kvsim ops --help");
  return files[0];
}

}  // namespace

int ops_verb(Arguments arguments) {
  po::options_description options("Options");
  options.add_options()("dialect", po::value<std::string>(), "whose operations: vllm or sglang");
  const auto given = parse_options("ops", kUsage, options, arguments);
  if (!given) return kExitOk;
  const std::unique_ptr<OpsDialect> dialect = dialect_of(*given);
  TextInput input(file_of(*given));
  OpsReplay replay(*dialect);
  std::string_view line;
  while (input.next(line)) {
    fmt::print("{}\n", replay.record_of(line, input.line_number()));
  }
  if (replay.records() == 0) throw InputError(input.name(), "line 1", "no operation in it");
  if (replay.problems() == 0) return kExitOk;
  fmt::print(stderr, "{}:{}{}\n", input.name(), replay.first(),
             replay.problems() == 1 ? "" : fmt::format(" (first of {})", replay.problems()));
  return kExitBadInput;
}

}  // namespace kvsim
