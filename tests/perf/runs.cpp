// Whole runs, as `kvsim run` makes them: public traces if KVSIM_TRACES says where, generated ones.
#include <fmt/format.h>

#include "sim/core/registry.h"
#include "sim/model/allocator.h"
#include "tests/perf/bench.h"
#include "tests/perf/measured_run.h"
#include "tests/support/public_traces.h"

namespace kvsim::perf {
namespace {

void public_runs(Bench& bench) {
  const std::string conversation = public_trace("mooncake_conversation.jsonl.gz");
  const std::string azure = public_trace("azure_2023_conv.csv.gz");
  if (conversation.empty() || azure.empty()) return;
  for (const std::string& allocator : Registry<Allocator>::names())
    bench.measure("mooncake_conversation " + allocator, [&] {
      return measured_run({"/workload/trace=" + conversation, "/cache/allocator=" + allocator});
    });
  bench.measure("mooncake_conversation paged, 4 replicas", [&] {
    return measured_run({"/workload/trace=" + conversation, "/replicas=4"});
  });
  bench.measure("azure_2023_conv paged",
                [&] { return measured_run({"/workload/trace=" + azure}); });
}

void runs(Bench& bench) {
  bench.measure("sample", [] { return measured_run({}); });
  public_runs(bench);
  bench.measure("generated 20k", [] { return measured_run(generated(20'000)); });
  if (!bench.long_ones()) return;
  const Figures million =
      bench.measure("generated 1M", [] { return measured_run(generated(1'000'000)); });
  const Figures ten =
      bench.measure("generated 10M", [] { return measured_run(generated(10'000'000)); });
  for (const std::string what : {"time", "peak memory"})
    bench.ratio("generated 10M over 1M", ten, million, what);
}

const Subject kSubject{"run", runs};

}  // namespace
}  // namespace kvsim::perf
