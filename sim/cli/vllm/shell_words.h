#pragma once
// A pasted command line as words, as a POSIX shell would part it.

#include <string>
#include <string_view>
#include <vector>

namespace kvsim {

/// Quotes, backslashes and lines that go on after one are understood; # starts a comment, and |, &,
/// ; or a redirection ends the command. Nothing is expanded: $X stays $X. Throws InputError naming
/// `option` where a quote is not closed.
[[nodiscard]] std::vector<std::string> shell_words(std::string_view text, std::string_view option);

/// A word as a shell reads it back.
[[nodiscard]] std::string shell_quoted(const std::string& word);

}  // namespace kvsim
