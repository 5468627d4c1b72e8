#pragma once
// Block traces for tests: of requests, of files, and made up.

#include <algorithm>
#include <string>
#include <vector>

#include "sim/core/rng.h"
#include "sim/engine/curve/block_trace.h"
#include "sim/engine/curve/curve.h"
#include "tests/workloads/drain.h"
#include "workloads/block_ids.h"

namespace kvsim {

inline BlockTrace blocks_of(const std::vector<Request>& requests, std::int64_t block_tokens) {
  BlockTrace trace(block_tokens);
  BlockIds names(block_tokens);
  std::vector<std::uint64_t> ids;
  for (const Request& r : requests) {
    names.of(r.content, r.prompt, ids);
    trace.add(r, ids);
  }
  return trace;
}

inline BlockTrace blocks_of_file(const std::string& path, std::int64_t block_tokens) {
  const ConfigView config;
  TraceSource source(TraceFile(TextInput(path), config.text("/workload/format"), {}),
                     WorkloadSource::Setup{config, 1});
  return blocks_of(drain(source), block_tokens);
}

/// Prompts down a random tree of `fanout` branches at each of up to `depth` blocks of 4 tokens,
/// some ending in a partial block; low branches are likelier.
inline BlockTrace random_blocks(std::uint64_t seed, std::size_t requests, std::uint64_t depth,
                                std::uint64_t fanout) {
  Rng rng(seed, "random_blocks");
  std::vector<Request> all(requests);
  for (Request& r : all) {
    for (std::uint64_t left = 1 + rng.below(depth); left > 0; --left)
      r.content.append({shared_content(std::min(rng.below(fanout), rng.below(fanout))), 0,
                        left == 1 && rng.below(3) == 0 ? 2 : 4});
    r.prompt = r.content.tokens();
    r.priority = static_cast<std::int32_t>(rng.below(3)) - 1;
    r.turn = static_cast<std::uint32_t>(rng.below(4));
  }
  return blocks_of(all, 4);
}

inline void one_after_the_other(std::size_t count, const std::function<void(std::size_t)>& job) {
  for (std::size_t i = 0; i < count; ++i) job(i);
}

/// One cell.
inline CurveRow cell(const BlockTrace& trace, const std::string& rule, const std::string& policy,
                     std::optional<std::int64_t> capacity,
                     std::optional<double> sample = std::nullopt) {
  return hit_curve(trace, {{rule}, {policy}, {capacity}, sample}, one_after_the_other).front();
}

}  // namespace kvsim
