#pragma once
// A hit-rate curve: what each eviction policy would have found in caches of several sizes.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/model/workload_source.h"

namespace kvsim {

struct CurveRow {
  std::string rule;                             ///< "tree" or "flat".
  std::string policy;                           ///< A registered eviction policy, or "min".
  std::optional<std::int64_t> capacity_blocks;  ///< Nothing: memory without end.
  std::int64_t block_refs = 0, block_hits = 0;
  std::int64_t token_refs = 0, token_hits = 0;
  std::int64_t insertions = 0, evictions = 0;
  /// Of a sample: half the width of the 95 % interval around the block hit rate.
  double error = 0;

  [[nodiscard]] double block_hit_rate() const { return rate(block_hits, block_refs); }
  [[nodiscard]] double token_hit_rate() const { return rate(token_hits, token_refs); }

 private:
  [[nodiscard]] static double rate(std::int64_t hits, std::int64_t refs) {
    return refs == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(refs);
  }
};

struct HitCurve {
  WorkloadIdentity trace;
  std::int64_t block_tokens = 0;
  std::int64_t requests = 0;
  std::int64_t distinct_blocks = 0;  ///< The working set.
  std::optional<double> sample;      ///< Share of the blocks that was replayed; nothing: all.
  std::vector<CurveRow> rows;        ///< By rule, policy and capacity, each as asked for.
};

}  // namespace kvsim
