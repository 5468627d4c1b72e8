#pragma once
// The actions of a verb that has several: `kvsim trace info`, `kvsim sweep run`.

#include <span>
#include <string_view>

#include "sim/cli/verbs.h"

namespace kvsim {

struct Action {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments);
};

/// Runs the action that `arguments` of `kvsim VERB` begin with, on the rest of them. Without one,
/// or with --help, prints the list. Throws InputError if there is no such action.
[[nodiscard]] int run_action(std::string_view verb, std::span<const Action> actions,
                             Arguments arguments);

}  // namespace kvsim
