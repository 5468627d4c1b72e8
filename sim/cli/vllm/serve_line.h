#pragma once
// A config as the command that starts such a server: vLLM's, or SGLang's where that is simulated.

#include <string>
#include <vector>

#include "sim/core/config_view.h"

namespace kvsim {

/// The command in its first line; then, as shell comments, what of `config` no flag says. What is
/// the server's default is left out.
[[nodiscard]] std::vector<std::string> serve_lines(const ConfigView& config);

}  // namespace kvsim
