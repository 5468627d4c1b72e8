#include "sim/cli/verbs.h"

namespace kvsim {

int run_verb(Arguments /*arguments*/) { return kExitBadInput; }

}  // namespace kvsim
