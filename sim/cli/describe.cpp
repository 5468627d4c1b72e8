#include "sim/cli/verbs.h"

namespace kvsim {

int describe_verb(Arguments /*arguments*/) { return kExitBadInput; }

}  // namespace kvsim
