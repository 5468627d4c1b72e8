#include "sim/cli/verbs.h"

namespace kvsim {

int list_verb(Arguments /*arguments*/) { return kExitBadInput; }

}  // namespace kvsim
