#pragma once
// "did you mean ...?": the known word nearest to a misspelt one.

#include <string>
#include <string_view>
#include <vector>

namespace kvsim {

/// " (did you mean 'lru'?)" for the closest of `known` within two edits (insert, delete, replace,
/// swap of neighbours) and fewer edits than letters; empty if none is.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& known);

/// "a, b, c"
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace kvsim
