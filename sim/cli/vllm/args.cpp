#include "sim/cli/vllm/args.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/vllm/flags.h"
#include "sim/cli/vllm/model_names.h"
#include "sim/cli/vllm/shell_words.h"
#include "sim/core/spelling.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;
using Kind = VllmFlag::Kind;

constexpr std::string_view kOption = "--vllm-args";

[[noreturn]] void fail(std::string_view where, std::string_view problem) {
  throw InputError(kOption, where, problem);
}

// The words after `vllm serve`, the module of its server, or the name of its image.
Words arguments_of(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool serve = words[i] == "serve" && i > 0 && words[i - 1].ends_with("vllm");
    const bool module = words[i].starts_with("vllm.entrypoints.");
    const bool image = words[i].find("vllm-openai") != std::string::npos;
    if (serve || module || image)
      return {words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end()};
  }
  if (!words.empty() && words[0].starts_with('-')) return words;
  fail(words.empty() ? "''" : words[0], "expected vllm serve MODEL --flag value ...");
}

Json json_or_text(const std::string& text) {
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? Json(text) : value;
}

// vLLM's numbers for people: 32k is 32,000, 32K is 32,768.
Json with_units(const std::string& text) {
  struct Suffix {
    char letter;
    double factor;
  };
  constexpr std::array kSuffixes{Suffix{'k', 1e3}, Suffix{'m', 1e6}, Suffix{'K', 1024.0},
                                 Suffix{'M', 1024.0 * 1024}};
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, number);
  if (problem == std::errc() && rest + 1 == end)
    for (const Suffix& suffix : kSuffixes)
      if (suffix.letter == *rest) return std::llround(number * suffix.factor);
  return json_or_text(text);
}

class Settings {
 public:
  explicit Settings(ConfigView& config) : config_(config) {}

  void read(const Words& words) {
    for (at_ = 0; at_ < words.size(); ++at_) take(words);
    if (!model_) return;
    if (quantised_) set("/dtype", *quantised_);
  }

  [[nodiscard]] Words told() const {
    Words all = warnings_;
    all.insert(all.end(), ignored_.begin(), ignored_.end());
    return all;
  }

 private:
  void take(const Words& words) {
    const std::string& word = words[at_];
    if (!word.starts_with('-')) {
      if (model_) fail(word, "a word too many: a flag starts with --");
      set_model(word);
      return;
    }
    const std::size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    const bool letters = !name.starts_with("--");
    name.erase(0, letters ? 1 : 2);
    std::replace(name.begin(), name.end(), '-', '_');
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    const bool negated = !letters && name.starts_with("no_");
    const VllmFlag* flag = find(negated ? name.substr(3) : name, letters);
    if (flag == nullptr) return unknown(word, value, words);
    if (flag->takes_value && !value) {
      if (at_ + 1 == words.size()) fail(word, "expected a value");
      value = words[++at_];
    }
    apply(*flag, word.substr(0, equals), value, negated);
  }

  static const VllmFlag* find(const std::string& name, bool letters) {
    for (const VllmFlag& flag : vllm_flags())
      if ((letters ? flag.letters : flag.name) == name) return &flag;
    return nullptr;
  }

  // Newer than our table, or misspelt: whether it takes a value shows in what follows.
  void unknown(const std::string& word, std::optional<std::string> value, const Words& words) {
    if (!value && at_ + 1 < words.size() && !words[at_ + 1].starts_with('-') && model_)
      value = words[++at_];
    Words names;
    for (const VllmFlag& flag : vllm_flags()) {
      names.push_back("--" + std::string(flag.name));
      std::replace(names.back().begin(), names.back().end(), '_', '-');
    }
    warnings_.push_back(
        fmt::format("warning: {} is not known here and ignored; it may change "
                    "results{}",
                    word, did_you_mean(word.substr(0, word.find('=')), names)));
  }

  void apply(const VllmFlag& flag, const std::string& said, const std::optional<std::string>& value,
             bool negated) {
    switch (flag.kind) {
      case Kind::kField:
        return set_field(flag, *value);
      case Kind::kSwitch:
        return set(std::string(flag.pointer), truth(said, value) != negated);
      case Kind::kModel:
        return set_model(*value);
      case Kind::kDtype:
        return set_dtype(*value);
      case Kind::kKvDtype:
        return set_kv_dtype(*value);
      case Kind::kQuantised:
        return set_quantisation(*value);
      case Kind::kReplicas:
        return set("/replicas", json_or_text(*value));
      case Kind::kDrafts:
        return set_drafts(*value);
      case Kind::kUniform:
        return set("/cache/groups", negated ? "model" : "uniform");
      case Kind::kNotModelled:
        if (!negated) warn(said, flag.why);
        return;
      case Kind::kNothing:
        ignored_.push_back(fmt::format("ignored {}: it changes nothing here", said));
    }
  }

  static bool truth(const std::string& said, const std::optional<std::string>& value) {
    if (!value || *value == "true" || *value == "True") return true;
    if (*value == "false" || *value == "False") return false;
    fail(said, fmt::format("expected true or false, got '{}'", *value));
  }

  void set(const std::string& pointer, const Json& value) {
    config_.set(pointer, value, std::string(kOption));
  }

  void set_field(const VllmFlag& flag, const std::string& value) {
    if (value == "auto" || (flag.name == "max_model_len" && value == "-1")) {
      ignored_.push_back(
          fmt::format("ignored --{} {}: kvsim's own default holds", flag.name, value));
      return;
    }
    set(std::string(flag.pointer), with_units(value));
  }

  void warn(const std::string& flag, std::string_view why) {
    warnings_.push_back(
        fmt::format("warning: {} is not modelled and would change results: {}", flag, why));
  }

  void set_model(const std::string& name) {
    model_ = name;
    std::error_code ignored;
    if (std::filesystem::is_directory(name, ignored)) return set("/model", name + "/config.json");
    if (name.ends_with(".json")) return set("/model", name);
    const auto known = known_model(name);
    if (!known)
      fail(name,
           fmt::format("no built-in model of that shape; known: {}{}; or give the path of its "
                       "config.json",
                       joined(builtin_config_names("models")), nearest_model(name)));
    if (known->quantised && !quantised_) quantised_ = known->quantised;
    set("/model", known->name);
  }

  void set_dtype(const std::string& word) {
    if (word == "auto") return;
    if (word == "bfloat16" || word == "half" || word == "float16") {
      // Of a quantised checkpoint this is what it computes in.
      if (!quantised_) set("/dtype", word == "bfloat16" ? "bf16" : "fp16");
      return;
    }
    warn("--dtype " + word, "weights of 32 bits are not priced");
  }

  void set_kv_dtype(const std::string& word) {
    if (word == "auto") return set("/cache/kv_cache_dtype", "auto");
    if (word == "bfloat16") return set("/cache/kv_cache_dtype", "bf16");
    if (word == "float16") return set("/cache/kv_cache_dtype", "fp16");
    if (word.starts_with("fp8")) return set("/cache/kv_cache_dtype", "fp8");
    if (word == "int8_per_token_head") {
      set("/cache/kv_cache_dtype", "int8");
      set("/cache/kv_scales", "token");
      return set("/cache/kv_scale_dtype", "fp32");
    }
    warn("--kv-cache-dtype " + word, "a format that is not known here");
  }

  void set_quantisation(const std::string& word) {
    if (word.starts_with("fp8"))
      quantised_ = "fp8";
    else if (word.starts_with("awq") || word.starts_with("gptq"))
      quantised_ = "int4";
    else
      return warn("--quantization " + word, "say /dtype as fp8, int8 or int4");
  }

  void set_drafts(const std::string& text) {
    const Json said = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!said.is_object())
      fail("--speculative-config", fmt::format("expected a JSON object, got '{}'", text));
    for (const auto& [key, value] : said.items()) {
      if (key == "method" || key == "num_speculative_tokens")
        set("/speculative/" + key, value);
      else if (key == "model" && value.is_string() && known_model(value.get<std::string>()))
        set("/speculative/model", known_model(value.get<std::string>())->name);
      else
        ignored_.push_back(fmt::format("ignored {} of --speculative-config", key));
    }
  }

  ConfigView& config_;
  std::size_t at_ = 0;
  std::optional<std::string> model_, quantised_;
  Words warnings_, ignored_;
};

}  // namespace

std::vector<std::string> set_vllm_args(std::string_view line, ConfigView& config) {
  Settings settings(config);
  settings.read(arguments_of(shell_words(line, kOption)));
  return settings.told();
}

}  // namespace kvsim
