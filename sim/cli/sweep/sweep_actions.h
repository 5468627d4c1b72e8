#pragma once
// The actions of `kvsim sweep`; each returns an exit code and throws InputError.

#include "sim/cli/verbs.h"

namespace kvsim {

int sweep_plan(Arguments arguments);
int sweep_run(Arguments arguments);
int sweep_status(Arguments arguments);
int sweep_merge(Arguments arguments);
int sweep_emit(Arguments arguments);

}  // namespace kvsim
