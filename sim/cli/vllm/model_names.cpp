#include "sim/cli/vllm/model_names.h"

#include <algorithm>
#include <array>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/core/json_text.h"
#include "sim/core/spelling.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

struct Quantisation {
  std::string_view piece, dtype;
};
constexpr std::array kQuantisations{Quantisation{"fp8", "fp8"},    Quantisation{"awq", "int4"},
                                    Quantisation{"gptq", "int4"},  Quantisation{"int4", "int4"},
                                    Quantisation{"w4a16", "int4"}, Quantisation{"int8", "int8"},
                                    Quantisation{"w8a8", "int8"},  Quantisation{"w8a16", "int8"}};
// What a name may have more or less of without its shape being another.
constexpr std::array<std::string_view, 9> kNoShape{"meta", "instruct", "it",        "chat", "hf",
                                                   "base", "dynamic",  "quantized", "2507"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::vector<std::string> pieces_of(const std::string& repository) {
  std::string name = lower(repository.substr(repository.rfind('/') + 1));
  std::replace(name.begin(), name.end(), '.', '-');
  std::replace(name.begin(), name.end(), '_', '-');
  std::vector<std::string> pieces(1);
  for (const char c : name) {
    if (c == '-')
      pieces.emplace_back();
    else
      pieces.back() += c;
  }
  return pieces;
}

/// A name without what does not matter: equal for equal shapes.
std::string shape_of(const std::string& repository, std::optional<std::string>* quantised) {
  std::string shape;
  for (const std::string& piece : pieces_of(repository)) {
    const auto how = std::find_if(kQuantisations.begin(), kQuantisations.end(),
                                  [&](const Quantisation& q) { return q.piece == piece; });
    if (how != kQuantisations.end()) {
      if (quantised != nullptr && !*quantised) *quantised = std::string(how->dtype);
    } else if (std::find(kNoShape.begin(), kNoShape.end(), piece) == kNoShape.end()) {
      shape += (shape.empty() ? "" : "-") + piece;
    }
  }
  return shape;
}

}  // namespace

std::optional<std::string> repository_of(const std::string& model) {
  const auto text = builtin_config("models", model);
  if (!text) return std::nullopt;
  const nlohmann::ordered_json document = parse_json(*text, model);
  if (!document.contains("/_kvsim/source"_json_pointer)) return std::nullopt;
  // "config.json of ORG/NAME on Hugging Face": the first word with a slash.
  const auto source = document["_kvsim"]["source"].get<std::string>();
  const std::size_t slash = source.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const std::size_t from = source.rfind(' ', slash) + 1;
  return source.substr(from, source.find_first_of(" ,;", slash) - from);
}

std::optional<KnownModel> known_model(const std::string& repository) {
  KnownModel known;
  const std::string shape = shape_of(repository, &known.quantised);
  for (const std::string& name : builtin_config_names("models")) {
    const auto of = repository_of(name);
    if (shape != shape_of(name, nullptr) && (!of || shape != shape_of(*of, nullptr))) continue;
    known.name = name;
    return known;
  }
  return std::nullopt;
}

std::string nearest_model(const std::string& repository) {
  std::vector<std::string> shapes;
  for (const std::string& name : builtin_config_names("models")) shapes.push_back(name);
  const std::string shape = lower(repository.substr(repository.rfind('/') + 1));
  return did_you_mean(shape, shapes);
}

}  // namespace kvsim
