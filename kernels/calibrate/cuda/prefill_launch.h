#pragma once
// Prefill attention of one batch of chunks, ready to be queued; and cascade, which is made of both.

#include "kernels/calibrate/cuda/decode_launch.h"
#include "kernels/prefill/prefill.h"

namespace kvsim::calibrate {

class PrefillLaunch {
 public:
  /// As DecodeLaunch.
  PrefillLaunch(const PrefillCase& c, KvPool& pool, int multiprocessors, int sets);
  /// Chunks of several prompts, in pages of `page` tokens.
  PrefillLaunch(const Heads& heads, const std::vector<Chunk>& chunks, int page, KvPool& pool,
                int multiprocessors, int sets, const BlockTables& tables);
  /// The shared prefix of a cascade: queries of all sequences, its result left partial.
  PrefillLaunch(const CascadeCase& c, KvPool& pool, int multiprocessors, int sets);

  [[nodiscard]] int sets() const { return sets_; }
  void enqueue(gpu::Stream stream, int set) const;
  [[nodiscard]] PrefillArgs args_of(int set) const;
  [[nodiscard]] const PrefillKernel& kernel() const { return kernel_; }

 private:
  struct Batch;
  PrefillLaunch(const Batch& batch, KvPool& pool, int multiprocessors, int sets);

  PrefillKernel kernel_;
  int sets_ = 1;
  std::size_t set_entries_ = 0;
  std::int64_t set_bytes_ = 0;  // as DecodeLaunch's
  DeviceMemory q_, out_, first_token_, context_, items_, table_;
  DeviceMemory part_output_, part_stats_, arrivals_, state_output_, state_stats_;
  PrefillArgs args_;
};

[[nodiscard]] Spread time_prefill(const PrefillCase& c, KvPool& pool, int multiprocessors);
[[nodiscard]] Spread time_cascade(const CascadeCase& c, KvPool& pool, int multiprocessors);

}  // namespace kvsim::calibrate
