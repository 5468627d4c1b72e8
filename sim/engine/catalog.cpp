#include "sim/engine/catalog.h"

#include <filesystem>
#include <fstream>

#include "sim/core/config_schema.h"
#include "sim/core/spelling.h"
#include "sim/engine/cost/find_profile.h"
#include "sim/model/builtin_configs.h"
#include "sim/model/hf_config.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    text_field("/model", "\"llama-3.1-8b\"", "A built-in model, or the path of a HF config.json."),
    integer_field(
        "/cache/sliding_window", "0", "tokens", 0, 1 << 27,
        "Let every attention layer see this many tokens only; 0 leaves the model as it is."),
    integer_field("/cache/attention_sinks", "0", "tokens", 0, 1 << 20,
                  "Leading tokens that windowed layers see besides (StreamingLLM: 4)."),
    text_field("/device", "\"h200\"",
               "A built-in GPU, or the path of a file like those of configs/devices."),
    text_field("/speculative/model", "null",
               "The smaller model that guesses (draft_model): named like /model."),
    word_field(
        "/cost", "auto", "cost model",
        [] {
          std::vector<std::string> words = Registry<CostModel>::names();
          words.insert(words.begin(), "auto");
          return words;
        },
        "What prices a step; auto is the best there is for this model and device."),
};

bool is_path(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".json");
}

// No config.json is as long as this.
constexpr std::size_t kLongestFile = std::size_t{1} << 20;

ConfigFile find(const std::string& pointer, const std::string& kind, const std::string& noun,
                const ConfigView& config) {
  const std::string word = config.text(pointer);
  if (const auto text = builtin_config(kind, word))
    return {word, fmt::format("configs/{}/{}.json", kind, word), std::string(*text)};
  if (is_path(word)) return read_config_file(pointer, word, config);
  const std::vector<std::string> known = builtin_config_names(kind);
  config.fail(pointer, fmt::format("no {} named '{}'; known: {}{}", noun, word, joined(known),
                                   did_you_mean(word, known)));
}

// StreamingLLM (arXiv 2309.17453) on any model: whatever a layer saw before, it now sees the sinks
// and the window.
void apply_window(ModelSpec& model, const ConfigView& config) {
  const Tokens window(config.integer("/cache/sliding_window"));
  const Tokens sinks(config.integer("/cache/attention_sinks"));
  if (window > Tokens()) {
    for (Layer& layer : model.layers)
      if (layer.mixer == Mixer::kAttention) layer.mixer = Mixer::kLocal;
    model.local = {.window = window};
  }
  if (sinks > Tokens() && model.local.window == Tokens())
    config.fail("/cache/attention_sinks",
                fmt::format("{} has no sliding window to put them before; set "
                            "/cache/sliding_window too",
                            model.name));
  model.local.sinks = sinks;
}

}  // namespace

ConfigFile read_config_file(const std::string& pointer, const std::string& word,
                            const ConfigView& config) {
  namespace fs = std::filesystem;
  fs::path path(word);
  if (path.is_relative()) path = fs::path(config.file()).parent_path() / path;
  // Asked before opening: opening a pipe would wait for a writer.
  std::error_code ignored;
  std::ifstream in;
  if (fs::is_regular_file(path, ignored)) in.open(path, std::ios::binary);
  if (!in.is_open()) config.fail(pointer, fmt::format("cannot read '{}'", path.string()));
  std::string text(kLongestFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kLongestFile)
    config.fail(pointer, fmt::format("'{}' is longer than {} bytes: no such config is",
                                     path.string(), kLongestFile));
  // HF calls every file config.json: the folder tells the models apart.
  std::string name = path.stem().string();
  if (name == "config") name = fs::absolute(path).parent_path().filename().string();
  return {std::move(name), path.string(), std::move(text)};
}

ModelSpec load_model(const ConfigView& config) {
  const ConfigFile found = find("/model", "models", "model", config);
  ModelSpec model = parse_model(found.text, found.file, found.name);
  apply_window(model, config);
  return model;
}

ModelSpec load_draft_model(const ConfigView& config) {
  const ConfigFile found = find("/speculative/model", "models", "model", config);
  return parse_model(found.text, found.file, found.name);
}

DeviceSpec load_device(const ConfigView& config) {
  const ConfigFile found = find("/device", "devices", "device", config);
  return parse_device(found.text, found.file, found.name);
}

std::unique_ptr<CostModel> load_cost_model(const ModelSpec& model, const DeviceSpec& device,
                                           const ConfigView& config) {
  std::string word = config.text("/cost");
  if (word == "auto") word = best_cost_model(device.name, config);
  return Registry<CostModel>::make(word, {model, device, config});
}

}  // namespace kvsim
