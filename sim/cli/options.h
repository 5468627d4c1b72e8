#pragma once
// Command-line options in the house's error style, over Boost.Program_options.

#include <optional>
#include <string>
#include <string_view>

#include <boost/program_options.hpp>

#include "sim/cli/verbs.h"

namespace kvsim {

/// Parses `arguments` of `kvsim VERB`. Positional arguments go to the option "positional" (declare
/// it hidden, as a vector of strings). With --help, prints `usage`, the visible options and nothing
/// else, and returns nothing. Throws InputError for unknown, ambiguous or incomplete options.
[[nodiscard]] std::optional<boost::program_options::variables_map> parse_options(
    std::string_view verb, std::string_view usage,
    const boost::program_options::options_description& visible, Arguments arguments);

/// --jobs of `kvsim VERB`, an int option; without it a thread per core. Throws InputError below 1.
[[nodiscard]] std::size_t threads_from(const boost::program_options::variables_map& values,
                                       std::string_view verb);

}  // namespace kvsim
