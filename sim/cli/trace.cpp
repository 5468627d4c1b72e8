#include "sim/cli/verbs.h"

namespace kvsim {

int trace_verb(Arguments /*arguments*/) { return kExitBadInput; }

}  // namespace kvsim
