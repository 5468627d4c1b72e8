// kvsim-calibrate: times kvsim's kernels on this machine's GPU and writes a cost profile.
// Exit codes: 0 ok, 1 our bug (or a failed check), 2 no device or bad usage.
#include <cstdio>
#include <exception>
#include <span>

#include "kernels/calibrate/cuda/actions.h"
#include "kernels/calibrate/host/dry_run.h"
#include "kernels/calibrate/host/recorded_steps.h"

namespace kvsim::calibrate {
namespace {

constexpr double kH200Memory = 140e9;  // of a dry run's device

int run(const Options& options) {
  if (options.action == Options::Action::kHelp) {
    std::printf("%s", usage().c_str());
    return kExitOk;
  }
  if (options.dry_run && options.action == Options::Action::kValidate) {
    std::printf("%zu steps to replay\n", read_run(options.run_folder).steps.size());
    return kExitOk;
  }
  if (options.dry_run) {
    std::printf("%s", dry_run_text(options, kv_memory(kH200Memory)).c_str());
    return kExitOk;
  }
  switch (options.action) {
    case Options::Action::kSelfCheck:
      return self_check(options);
    case Options::Action::kBench:
      return bench(options);
    case Options::Action::kValidate:
      return validate(options);
    default:
      return calibrate(options);
  }
}

}  // namespace
}  // namespace kvsim::calibrate

int main(int argc, char** argv) {
  using namespace kvsim::calibrate;
  try {
    const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
    return run(parse_options(arguments.subspan(1)));
  } catch (const BadInput& problem) {
    std::fprintf(stderr, "kvsim-calibrate: %s\n", problem.what());
    return kExitBadInput;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "kvsim-calibrate: %s\n", problem.what());
    return kExitBug;
  }
}
