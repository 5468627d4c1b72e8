// How cost grows: with the length of the trace, the batch and the pool. Read the ratios.
#include <fmt/format.h>

#include "tests/perf/bench.h"
#include "tests/perf/measured_run.h"

namespace kvsim::perf {
namespace {

std::vector<std::string> with(std::vector<std::string> sets, const std::string& more) {
  sets.push_back(more);
  return sets;
}

/// A run's costs that are compared here.
Figures costs(const std::vector<std::string>& sets) {
  Figures kept;
  for (const Figure& f : measured_run(sets))
    if (f.what == "time" || f.what == "time per simulated token" || f.what == "peak memory")
      kept.push_back(f);
  return kept;
}

// Four times the requests: four times the time, and the same memory.
void trace_length(Bench& bench) {
  const Figures few = bench.measure("trace of 25k", [] { return costs(generated(25'000)); });
  const Figures many = bench.measure("trace of 100k", [] { return costs(generated(100'000)); });
  for (const std::string what : {"time", "peak memory"})
    bench.ratio("trace, 100k over 25k requests", many, few, what);
}

// Everybody is there from the start and answers at length, so the batch is full nearly to the end.
Figures full_batches(std::int64_t sequences) {
  return costs({"/workload/generate/requests=" + std::to_string(16 * 512),
                "/workload/generate/prompt/mean=64", "/workload/generate/output/mean=512",
                "/workload/arrivals/process=at-once",
                "/scheduler/max_num_seqs=" + std::to_string(sequences)});
}

void batch_size(Bench& bench) {
  Figures half;
  for (std::int64_t sequences = 16; sequences <= 1024; sequences *= 2) {
    const Figures now = bench.measure(fmt::format("batch of {}", sequences),
                                      [=] { return full_batches(sequences); });
    bench.ratio(fmt::format("batch, {} over {} sequences", sequences, sequences / 2), now, half,
                "time per simulated token");
    half = now;
  }
}

void pool_size(Bench& bench) {
  Figures half;
  for (std::int64_t blocks = 10'000; blocks <= 10'240'000; blocks *= 2) {
    const std::string override = fmt::format("/cache/num_gpu_blocks_override={}", blocks);
    const Figures now = bench.measure(fmt::format("pool of {}k", blocks / 1000),
                                      [&] { return costs(with(generated(25'000), override)); });
    bench.ratio(fmt::format("pool, {}k over {}k", blocks / 1000, blocks / 2000), now, half,
                "time per simulated token");
    half = now;
  }
}

void scaling(Bench& bench) {
  trace_length(bench);
  batch_size(bench);
  pool_size(bench);
}

const Subject kSubject{"scaling", scaling};

}  // namespace
}  // namespace kvsim::perf
