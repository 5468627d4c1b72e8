// kvsim sweep: thousands of what-ifs as one manifest, on whatever runs programs.

#include <array>

#include "sim/cli/actions.h"
#include "sim/cli/sweep/sweep_actions.h"

namespace kvsim {
namespace {

constexpr std::array kActions{
    Action{"plan", "writes a folder: every point, and the files they read", sweep_plan},
    Action{"run", "runs a shard of it; what is there already is left alone", sweep_run},
    Action{"status", "how many points are done, failed and missing", sweep_status},
    Action{"merge", "one table of all points, or which are missing (exit 3)", sweep_merge},
    Action{"emit", "a Slurm, Kubernetes or GNU parallel script that runs it", sweep_emit},
};

}  // namespace

int sweep_verb(Arguments arguments) { return run_action("sweep", kActions, arguments); }

}  // namespace kvsim
