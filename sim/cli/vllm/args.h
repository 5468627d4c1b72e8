#pragma once
// --vllm-args: a pasted `vllm serve MODEL --flag value ...` as config settings.

#include <string>
#include <string_view>
#include <vector>

#include "sim/core/config_view.h"

namespace kvsim {

/// Writes what `line` says into `config`; returns a line for every flag that is not simulated,
/// those that would change results first, as warnings. Flags may be --a=b or --a b, with dashes or
/// underscores, --no-a, and -tp; values may be JSON. What stands before "vllm serve" (a sudo, a
/// docker run, variables) is passed over. Throws InputError for what is no such line, a model that
/// is not known, or a value that the field does not take.
[[nodiscard]] std::vector<std::string> set_vllm_args(std::string_view line, ConfigView& config);

}  // namespace kvsim
