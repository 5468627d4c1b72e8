#pragma once
// Command-line options in the house's error style, over Boost.Program_options.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>

#include "sim/cli/verbs.h"

namespace kvsim {

/// Parses `arguments` of `kvsim VERB`. Positional arguments go to the option "positional" (declare
/// it hidden, as a vector of strings). With --help, prints `usage`, the visible options and nothing
/// else, and returns nothing. Throws InputError for unknown, ambiguous or incomplete options.
[[nodiscard]] std::optional<boost::program_options::variables_map> parse_options(
    std::string_view verb, std::string_view usage,
    const boost::program_options::options_description& visible, Arguments arguments);

/// The positional arguments, which must be as many as `names` has words: "IN OUT".
[[nodiscard]] std::vector<std::string> positional(
    const boost::program_options::variables_map& given, std::string_view verb,
    std::string_view names);

/// --OPTION of `kvsim VERB`, an int64 option: 1 to `most`, `otherwise` without it. Throws
/// InputError.
[[nodiscard]] std::int64_t count_from(const boost::program_options::variables_map& values,
                                      const char* option, std::string_view verb,
                                      std::int64_t otherwise, std::int64_t most);
/// --seeds: how many seeds every run is made on.
inline constexpr std::int64_t kMostSeeds = 1000;

/// --jobs of `kvsim VERB`, an int option; without it a thread per core. Throws InputError below 1.
[[nodiscard]] std::size_t threads_from(const boost::program_options::variables_map& values,
                                       std::string_view verb);

}  // namespace kvsim
