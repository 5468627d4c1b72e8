#include "sim/cli/verbs.h"

namespace kvsim {

int calc_verb(Arguments /*arguments*/) { return kExitBadInput; }

}  // namespace kvsim
