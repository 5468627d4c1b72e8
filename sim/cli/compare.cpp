#include "sim/cli/verbs.h"

namespace kvsim {

int compare_verb(Arguments /*arguments*/) { return kExitBadInput; }

}  // namespace kvsim
