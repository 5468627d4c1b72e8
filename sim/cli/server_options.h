#pragma once
// --vllm-args and --vllm-log: a real server's settings, for every verb that takes a config.

#include <string_view>

#include <boost/program_options.hpp>

#include "sim/core/config_view.h"

namespace kvsim {

void add_server_options(boost::program_options::options_description& options);

/// What the config says gives way to them, and they to --set. Tells on stderr what was read from
/// the log, and every flag that was ignored. Throws InputError.
void apply_server_options(const boost::program_options::variables_map& values,
                          std::string_view verb, ConfigView& config);

}  // namespace kvsim
