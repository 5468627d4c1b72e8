// kvsim calc: does it fit, and how many requests at once? Reads options; calc_sheet.h does the
// sums.

#include <charconv>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/calc_sheet.h"
#include "sim/cli/options.h"
#include "sim/cli/server_options.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kProgram = "kvsim calc";

/// Options that only set a config field.
struct Setting {
  const char* option;
  const char* pointer;
  const char* help;
};
constexpr Setting kSettings[] = {
    {"model", "/model", "built-in model, or the path of a HF config.json"},
    {"device", "/device", "built-in GPU, or the path of a device file"},
    {"tp", "/tensor_parallel_size", "tensor_parallel_size"},
    {"pp", "/pipeline_parallel_size", "pipeline_parallel_size"},
    {"dtype", "/dtype", "weights: auto, bf16, fp16, fp8, int8, int4"},
    {"kv-dtype", "/cache/kv_cache_dtype", "KV cache: the same words"},
    {"kv-scales", "/cache/kv_scales", "scales of a quantised cache: tensor, channel, token"},
    {"block-size", "/cache/block_size", "tokens in a block"},
    {"utilization", "/cache/gpu_memory_utilization", "share of the memory to fill, 0 to 1"},
    {"max-model-len", "/max_model_len", "longest request in tokens"},
};

po::options_description described() {
  po::options_description options("options");
  for (const Setting& setting : kSettings)
    options.add_options()(setting.option, po::value<std::string>()->value_name("X"), setting.help);
  const auto word = [] { return po::value<std::string>()->value_name("X"); };
  options.add_options()("gpus", word(), "GPUs in all; also tensor_parallel_size unless --tp says");
  options.add_options()("context", word(), "request lengths, as in 4096,32K (1K = 1,024)");
  options.add_options()("image-tokens", word(), "of every request, for cross-attention layers (0)");
  options.add_options()("max-num-seqs", word(), "sequences at once (256); sizes Mamba states");
  for (const char* what : {"weights", "runtime", "kv"})
    for (const char* unit : {"gb", "gib"})
      options.add_options()(fmt::format("{}-{}", what, unit).c_str(), word(),
                            "on all GPUs together, instead of what would be computed");
  options.add_options()("set", po::value<std::vector<std::string>>()->value_name("/pointer=X"),
                        "any other config field");
  add_server_options(options);
  options.add_options()("json", "for programs");
  return options;
}

[[noreturn]] void expected(std::string_view option, std::string_view what, std::string_view got) {
  throw InputError(kProgram, fmt::format("--{}", option),
                   fmt::format("expected {}, got '{}'", what, got));
}

std::int64_t integer(std::string_view option, std::string_view text, std::int64_t most) {
  std::int64_t n = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (problem != std::errc() || end != text.data() + text.size() || n < 1 || n > most)
    expected(option, fmt::format("an integer from 1 to {}", most), text);
  return n;
}

std::vector<Tokens> contexts(std::string_view list) {
  constexpr std::int64_t kMost = 1 << 27;
  constexpr std::int64_t kKibi = 1024;
  std::vector<Tokens> all;
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    const bool kilo = item.ends_with('K') || item.ends_with('k');
    if (kilo) item.remove_suffix(1);
    all.emplace_back(integer("context", item, kilo ? kMost / kKibi : kMost) * (kilo ? kKibi : 1));
    if (comma == std::string_view::npos) return all;
    list.remove_prefix(comma + 1);
  }
}

/// --WHAT-gb or --WHAT-gib.
std::optional<Bytes> size_option(const po::variables_map& values, const std::string& what) {
  constexpr double kMost = 1e6;
  const std::string decimal = what + "-gb";
  const std::string binary = what + "-gib";
  if (values.count(decimal) + values.count(binary) == 0) return std::nullopt;
  if (values.count(decimal) > 0 && values.count(binary) > 0)
    throw InputError(kProgram, "--" + binary, "say it once: --" + decimal + " is there too");
  const bool is_decimal = values.count(decimal) > 0;
  const std::string& option = is_decimal ? decimal : binary;
  const auto& text = values[option].as<std::string>();
  double n = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (problem != std::errc() || end != text.data() + text.size() || !(n >= 0 && n <= kMost))
    expected(option, "a number from 0 to 1000000", text);
  return Bytes(std::llround(n * (is_decimal ? 1e9 : 1024.0 * 1024.0 * 1024.0)));
}

/// A number stays one, anything else is a word: what a JSON config would have said.
nlohmann::ordered_json as_value(const std::string& text) {
  const auto value = nlohmann::ordered_json::parse(text, nullptr, false);
  return value.is_number() ? value : nlohmann::ordered_json(text);
}

CalcRequest requested(const po::variables_map& values) {
  CalcRequest request;
  apply_server_options(values, "calc", request.config);
  for (const Setting& setting : kSettings)
    if (values.count(setting.option) > 0)
      request.config.set(setting.pointer, as_value(values[setting.option].as<std::string>()),
                         fmt::format("--{}", setting.option));
  if (values.count("set") > 0)
    for (const auto& assignment : values["set"].as<std::vector<std::string>>())
      request.config.set(assignment);
  request.limits = {request.config.integer("/scheduler/max_num_seqs"),
                    request.config.integer("/scheduler/max_num_batched_tokens")};
  const std::int64_t pipeline = request.config.integer("/pipeline_parallel_size");
  if (values.count("gpus") > 0) {
    constexpr std::int64_t kMostGpus = 100'000;
    request.gpus = integer("gpus", values["gpus"].as<std::string>(), kMostGpus);
    if (values.count("tp") == 0 && request.gpus % pipeline == 0)
      request.config.set("/tensor_parallel_size", request.gpus / pipeline, "--gpus");
  }
  const std::int64_t replica = request.config.integer("/tensor_parallel_size") * pipeline;
  if (values.count("gpus") == 0) request.gpus = replica;
  if (request.gpus % replica != 0)
    throw InputError(kProgram, "--gpus",
                     fmt::format("expected a multiple of the {} GPUs of one replica, got {}",
                                 replica, request.gpus));
  if (values.count("context") > 0) request.contexts = contexts(values["context"].as<std::string>());
  constexpr std::int64_t kMostImageTokens = 1 << 27;
  if (values.count("image-tokens") > 0)
    request.images =
        Tokens(integer("image-tokens", values["image-tokens"].as<std::string>(), kMostImageTokens));
  if (values.count("max-num-seqs") > 0)
    request.limits.sequences =
        integer("max-num-seqs", values["max-num-seqs"].as<std::string>(), 1'000'000);
  request.weights = size_option(values, "weights");
  request.runtime = size_option(values, "runtime");
  request.kv = size_option(values, "kv");
  request.utilization_given = values.count("utilization") > 0;
  return request;
}

}  // namespace

int calc_verb(Arguments arguments) {
  const auto values = parse_options(
      "calc",
      "[--model M] [--device D] [--tp N] [--context N,...] [--json] ...\n"
      "From a GPU's memory to the requests it serves at once, every line marked exact, measured or "
      "estimated.\nGiving --weights-gb, --runtime-gb or --kv-gb budgets all GPUs as one pool, in "
      "the box's decimal GB.",
      described(), arguments);
  if (!values) return kExitOk;
  if (values->count("positional") > 0)
    throw InputError(kProgram, (*values)["positional"].as<std::vector<std::string>>().front(),
                     "takes options only; see kvsim calc --help");
  const CalcSheet sheet = calculate(requested(*values));
  fmt::print("{}", values->count("json") > 0 ? as_json(sheet) : as_text(sheet));
  return kExitOk;
}

}  // namespace kvsim
