#include "kernels/calibrate/host/bench.h"

#include <cstdio>

#include "kernels/calibrate/cuda/actions.h"
#include "kernels/calibrate/cuda/session.h"
#include "kernels/calibrate/host/budget.h"
#include "kernels/calibrate/host/files.h"

namespace kvsim::calibrate {

int bench(const Options& options) {
  const Budget budget(options.budget, steady_seconds);
  Session session(options);
  std::vector<BenchRow> rows = bench_rows();
  std::erase_if(rows, [&](const BenchRow& row) { return !options.wants(row.launch.family); });
  std::vector<std::optional<Spread>> timings;
  for (const BenchRow& row : rows) {
    timings.emplace_back();
    if (!budget.allows(row.launch.seconds)) continue;
    if (const auto sample = session.time(row.launch)) timings.back() = sample->us;
  }
  std::printf("%s", bench_markdown(rows, timings, session.device().name).c_str());
  for (const std::string& warning : session.warnings())
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  if (!options.out.empty())
    write_file(options.out, document_text(bench_json(rows, timings, session.device().name)));
  return kExitOk;
}

}  // namespace kvsim::calibrate
