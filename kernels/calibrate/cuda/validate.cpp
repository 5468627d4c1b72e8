// --validate: steps of a simulation, on their own block tables, beside what the simulation said.
#include <cmath>
#include <cstdio>

#include "kernels/calibrate/cuda/actions.h"
#include "kernels/calibrate/cuda/session.h"
#include "kernels/calibrate/cuda/step_launch.h"
#include "kernels/calibrate/host/budget.h"
#include "kernels/calibrate/host/files.h"
#include "kernels/calibrate/host/recorded_steps.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/calibrate/host/validation.h"

namespace kvsim::calibrate {

int validate(const Options& options) {
  constexpr double kStepSeconds = 0.6;
  const RecordedRun run = read_run(options.run_folder);
  if (run.kv != "bf16")
    throw BadInput(
        text(options.run_folder, ": KV in ", run.kv, ": whole steps are replayed in bf16 only"));
  const Budget budget(options.budget, steady_seconds);
  Session session(options);
  std::vector<ReplayedStep> replayed;
  for (const RecordedStep& step : run.steps) {
    if (!budget.allows(kStepSeconds)) break;
    const Spread us =
        time_step(run.model, step.work, session.pool(), session.device().multiprocessors,
                  {step.page, step.decode_blocks, step.prefill_blocks});
    replayed.push_back({step.number, tokens_of(step.work), step.predicted, us});
  }
  std::printf("%s\n%s", session.device().name.c_str(), validation_text(replayed).c_str());
  if (!options.out.empty()) write_file(options.out, document_text(validation_json(replayed)));
  return kExitOk;
}

}  // namespace kvsim::calibrate
