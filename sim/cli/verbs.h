#pragma once
// The verbs of the command line: one file per verb, one row per verb in main.cpp.

#include <span>
#include <string>

namespace kvsim {

using Arguments = std::span<const std::string>;  ///< What follows the verb.

/// Exit codes, as scripts rely on them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitBug = 1;         ///< Ours.
inline constexpr int kExitBadInput = 2;    ///< Usage, config or trace.
inline constexpr int kExitIncomplete = 3;  ///< A merge with shards missing.
inline constexpr int kExitThreshold = 99;  ///< A gate was crossed.

// Each returns an exit code, prints its result (and nothing else) to stdout, and throws InputError
// for what the user got wrong.
int run_verb(Arguments arguments);
int compare_verb(Arguments arguments);
int explain_verb(Arguments arguments);
int validate_verb(Arguments arguments);
int check_verb(Arguments arguments);
int sweep_verb(Arguments arguments);
int curve_verb(Arguments arguments);
int calc_verb(Arguments arguments);
int trace_verb(Arguments arguments);
int ops_verb(Arguments arguments);
int plan_verb(Arguments arguments);
int list_verb(Arguments arguments);
int describe_verb(Arguments arguments);
int new_policy_verb(Arguments arguments);

}  // namespace kvsim
