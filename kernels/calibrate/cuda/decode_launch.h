#pragma once
// Decode attention of one batch, ready to be queued: its plan, its pages, its workspace.

#include <functional>

#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/statistics.h"
#include "kernels/decode/decode.h"

namespace kvsim::calibrate {

/// Pages of each sequence in its order; empty: drawn at random.
using BlockTables = std::vector<std::vector<std::int32_t>>;

class DecodeLaunch {
 public:
  /// Lies in the pool `sets` times, each on pages of its own, or as often as it fits. Given tables
  /// are the same for every set, in a part of the pool of its own. Throws BadInput for a case that
  /// has no kernel or does not fit the pool.
  DecodeLaunch(const DecodeCase& c, KvPool& pool, int multiprocessors, int sets,
               const BlockTables& tables = {});

  [[nodiscard]] int sets() const { return sets_; }
  void enqueue(gpu::Stream stream, int set) const;
  /// What enqueue() launches with.
  [[nodiscard]] DecodeArgs args_of(int set) const;
  [[nodiscard]] const DecodeKernel& kernel() const { return kernel_; }

 private:
  DecodeKernel kernel_;
  int sets_ = 1;
  std::size_t set_entries_ = 0;  // of the table
  std::int64_t set_bytes_ = 0;   // contiguous: of K, and of V
  DeviceMemory q_, out_, items_, partial_out_, partial_stats_, arrivals_, table_;
  DecodeArgs args_;
};

/// Over as many sets of pages as keep caches out of it.
[[nodiscard]] Spread time_decode(const DecodeCase& c, KvPool& pool, int multiprocessors);

}  // namespace kvsim::calibrate
