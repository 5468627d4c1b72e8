#include "sim/cli/actions.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {

int run_action(std::string_view verb, std::span<const Action> actions, Arguments arguments) {
  const bool help = !arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h");
  if (arguments.empty() || help) {
    for (const Action& action : actions)
      fmt::print(help ? stdout : stderr, "  kvsim {} {:<9} {}\n", verb, action.name,
                 action.summary);
    return help ? kExitOk : kExitBadInput;
  }
  std::vector<std::string> known;
  for (const Action& action : actions) {
    if (action.name == arguments[0]) return action.run(arguments.subspan(1));
    known.emplace_back(action.name);
  }
  throw InputError(
      fmt::format("kvsim {}", verb), arguments[0],
      fmt::format("no such action; known: {}{}", joined(known), did_you_mean(arguments[0], known)));
}

}  // namespace kvsim
