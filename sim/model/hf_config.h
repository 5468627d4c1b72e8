#pragma once
// Reads a Hugging Face config.json into a ModelSpec.
//
// Only families whose layers are known are read (model_families()); an unknown one is an error, not
// a guess. A key that a family's shapes depend on must be there. Keys of no consequence for memory
// and time (rope_theta, dropout, ...) are ignored. One extra key is ours: "_kvsim", {"source",
// "parameters"}.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/model/model_spec.h"

namespace kvsim {

/// Throws InputError("FILE: /key: ..."). `file` only names the source; `name` becomes the model's.
[[nodiscard]] ModelSpec parse_model(std::string_view text, const std::string& file,
                                    std::string name);
/// The model_types that can be read, sorted.
[[nodiscard]] std::vector<std::string> model_families();
/// `_kvsim.parameters`, the published count, if the file states one.
[[nodiscard]] std::optional<std::int64_t> published_parameters(std::string_view text,
                                                               const std::string& file);

}  // namespace kvsim
