#include <algorithm>
#include <cstdio>

#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/cuda/actions.h"
#include "kernels/calibrate/cuda/device.h"

namespace kvsim::calibrate {

int self_check(const Options& options) {
  const Device device = find_device();
  int failed = 0;
  int done = 0;
  for (const Check& check : all_checks(CheckSize::kFull, device.multiprocessors, options.seed)) {
    if (!options.wants(check.family)) continue;
    const CheckResult result = run_check(check);
    std::printf("%s\n", line_of(result).c_str());
    (void)std::fflush(stdout);  // a kernel that hangs is the one after the last line
    ++done;
    failed += result.passed() ? 0 : 1;
  }
  std::printf("%s: %d checks, %d failed\n", device.name.c_str(), done, failed);
  return failed == 0 ? kExitOk : kExitBug;
}

}  // namespace kvsim::calibrate
