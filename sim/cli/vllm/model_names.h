#pragma once
// Names of models on Hugging Face, and of ours: "meta-llama/Llama-3.1-8B-Instruct" is llama-3.1-8b.
//
// The table is made of what configs/models say of their source. Tuning changes no shape, so
// -Instruct, -it and -chat are passed over; a repository's quantisation is its own.

#include <optional>
#include <string>

namespace kvsim {

struct KnownModel {
  std::string name;                      ///< Ours.
  std::optional<std::string> quantised;  ///< By the repository's name: "fp8", "int4", "int8".
};

/// The built-in model of the same shape, whoever published it, if there is one.
[[nodiscard]] std::optional<KnownModel> known_model(const std::string& repository);

/// " (did you mean ...?)" for a repository that is none of them, or "".
[[nodiscard]] std::string nearest_model(const std::string& repository);

/// The repository whose config.json a built-in model is; nothing if it names none.
[[nodiscard]] std::optional<std::string> repository_of(const std::string& model);

}  // namespace kvsim
