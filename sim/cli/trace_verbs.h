#pragma once
// The actions of `kvsim trace`, and what they share.

#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>

#include "sim/cli/verbs.h"
#include "sim/core/config_view.h"

namespace kvsim {

int trace_info(Arguments arguments);
int trace_convert(Arguments arguments);
int trace_generate(Arguments arguments);

/// The config that --set and --format add up to.
[[nodiscard]] ConfigView config_from(const boost::program_options::variables_map& given);
/// --block-tokens; 0 if not given.
[[nodiscard]] std::int64_t block_tokens_from(const boost::program_options::variables_map& given,
                                             std::string_view verb);

}  // namespace kvsim
