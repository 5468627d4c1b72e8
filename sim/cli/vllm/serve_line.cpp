#include "sim/cli/vllm/serve_line.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/vllm/flags.h"
#include "sim/cli/vllm/model_names.h"
#include "sim/cli/vllm/shell_words.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Kind = VllmFlag::Kind;

// What says how a run is made, not how a server is started.
constexpr std::array<std::string_view, 15> kOfTheRun{
    "/workload",     "/slo",     "/seed",     "/device",        "/cost",
    "/cost_profile", "/host",    "/roofline", "/constant_cost", "/until_s",
    "/thresholds",   "/routing", "/replicas", "/verify",        "/mode"};

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

class Line {
 public:
  explicit Line(const ConfigView& config) : left_(config.identity()) {
    for (auto at = left_.begin(); at != left_.end();)
      at = of_the_run(at.key()) ? left_.erase(at) : std::next(at);
  }

  /// Takes a setting out, if it was made.
  Json take(std::string_view pointer) {
    const auto found = left_.find(std::string(pointer));
    if (found == left_.end()) return {};
    Json value = *found;
    left_.erase(found);
    return value;
  }
  void say(const std::string& words) { command_ += (command_.empty() ? "" : " ") + words; }
  void say(const std::string& flag, const Json& value) {
    if (!value.is_null()) say(flag + " " + shell_quoted(text_of(value)));
  }
  void note(std::string text) { notes_.push_back("# " + std::move(text)); }

  std::vector<std::string> done(std::string_view server) {
    for (const auto& [pointer, value] : left_.items())
      note(fmt::format("{}={} has no flag in {}", pointer, text_of(value), server));
    notes_.insert(notes_.begin(), command_);
    return notes_;
  }

 private:
  static bool of_the_run(const std::string& pointer) {
    return std::any_of(kOfTheRun.begin(), kOfTheRun.end(), [&](std::string_view prefix) {
      return pointer == prefix || pointer.starts_with(std::string(prefix) + "/");
    });
  }

  Json left_;
  std::string command_;
  std::vector<std::string> notes_;
};

void say_model(const ConfigView& config, const std::string& before, Line& line) {
  const std::string model = config.text("/model");
  (void)line.take("/model");
  line.say(before + shell_quoted(repository_of(model).value_or(model)));
}

std::string flag_of(const VllmFlag& flag) {
  std::string name = "--" + std::string(flag.name);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

void say_dtype(Line& line) {
  const std::string dtype = text_of(line.take("/dtype"));
  if (dtype == "bf16") line.say("--dtype bfloat16");
  if (dtype == "fp16") line.say("--dtype float16");
  if (dtype == "fp8") line.say("--quantization fp8");
  if (dtype == "int4" || dtype == "int8")
    line.note(fmt::format("serve a checkpoint whose weights are {}", dtype));
}

void say_kv_dtype(std::string_view flag, const std::string& fp8, Line& line) {
  const Json dtype = line.take("/cache/kv_cache_dtype");
  const std::string word = text_of(dtype);
  if (word == "fp8") return line.say(std::string(flag), fp8);
  if (word == "bf16") return line.say(std::string(flag), "bfloat16");
  if (word == "int8" && text_of(line.take("/cache/kv_scales")) == "token" && flag[2] == 'k') {
    (void)line.take("/cache/kv_scale_dtype");
    return line.say(std::string(flag), "int8_per_token_head");
  }
  if (!dtype.is_null()) line.note(fmt::format("/cache/kv_cache_dtype={} has no flag", word));
}

void say_drafts(Line& line) {
  Json config = Json::object();
  for (const char* key : {"method", "num_speculative_tokens", "model"}) {
    const Json value = line.take(std::string("/speculative/") + key);
    if (!value.is_null()) config[key] = value;
  }
  if (config.contains("model"))
    config["model"] = repository_of(text_of(config["model"])).value_or(text_of(config["model"]));
  for (const char* key : {"acceptance_rate", "acceptance_rates"})
    (void)line.take(std::string("/speculative/") + key);
  if (!config.empty()) line.say("--speculative-config", config.dump());
}

void say_flag(const VllmFlag& flag, Line& line) {
  switch (flag.kind) {
    case Kind::kField:
      return line.say(flag_of(flag), line.take(flag.pointer));
    case Kind::kSwitch: {
      const Json value = line.take(flag.pointer);
      if (value.is_boolean())
        line.say(value.get<bool>() ? flag_of(flag) : "--no-" + flag_of(flag).substr(2));
      return;
    }
    case Kind::kDtype:
      return say_dtype(line);
    case Kind::kKvDtype:
      return say_kv_dtype(flag_of(flag), "fp8", line);
    case Kind::kDrafts:
      return say_drafts(line);
    case Kind::kUniform:
      if (text_of(line.take("/cache/groups")) == "uniform") line.say(flag_of(flag));
      return;
    default:
      return;
  }
}

std::vector<std::string> vllm_lines(const ConfigView& config) {
  Line line(config);
  say_model(config, "vllm serve ", line);
  for (const VllmFlag& flag : vllm_flags()) say_flag(flag, line);
  return line.done("vLLM");
}

// SGLang's names (server_args.py, April 2026).
std::vector<std::string> sglang_lines(const ConfigView& config) {
  struct Flag {
    const char *pointer, *name;
  };
  constexpr std::array kFlags{
      Flag{"/tensor_parallel_size", "--tp-size"},
      Flag{"/pipeline_parallel_size", "--pp-size"},
      Flag{"/max_model_len", "--context-length"},
      Flag{"/cache/block_size", "--page-size"},
      Flag{"/cache/eviction", "--radix-eviction-policy"},
      Flag{"/scheduler/max_num_seqs", "--max-running-requests"},
      Flag{"/scheduler/chunked_prefill_size", "--chunked-prefill-size"},
      Flag{"/scheduler/max_prefill_tokens", "--max-prefill-tokens"},
      Flag{"/scheduler/schedule_policy", "--schedule-policy"},
      Flag{"/scheduler/schedule_conservativeness", "--schedule-conservativeness"}};
  Line line(config);
  say_model(config, "python -m sglang.launch_server --model-path ", line);
  for (const Flag& flag : kFlags) line.say(flag.name, line.take(flag.pointer));
  say_dtype(line);
  say_kv_dtype("--kv-cache-dtype", "fp8_e4m3", line);
  if (line.take("/scheduler/enable_mixed_chunk") == true) line.say("--enable-mixed-chunk");
  if (line.take("/cache/enable_prefix_caching") == false) line.say("--disable-radix-cache");
  for (const char* implied : {"/cache/allocator", "/scheduler/batching"}) (void)line.take(implied);
  return line.done("SGLang");
}

}  // namespace

std::vector<std::string> serve_lines(const ConfigView& config) {
  return config.text("/scheduler/batching") == "sglang" ? sglang_lines(config) : vllm_lines(config);
}

}  // namespace kvsim
