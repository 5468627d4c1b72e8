#pragma once
// Small kernels around the timing: random memory, and what memory itself can do.
// The same functions exist for a GPU and for the CPU machine (kernels/gpu/gpu.h).

#include <cstdint>

#include "kernels/gpu/launch.h"

namespace kvsim::calibrate {

enum class RandomKind {
  kBf16,  ///< Uniform in [-1, 1).
  kFp16,
  kE4m3,   ///< All codes but the two NaNs.
  kBytes,  ///< All: codes of int8 and int4.
  kScale,  ///< fp16 in [1/128, 1/64): scales of quantised rows.
};

/// Fills memory aligned to 16 bytes; the same seed gives the same bytes. `bytes`: a multiple of 16.
void fill_random(RandomKind kind, void* memory, std::int64_t bytes, std::uint64_t seed,
                 gpu::Stream stream = {});

/// Reads every byte once and writes (nearly) nothing. `sink`: 4 bytes. `bytes`: a multiple of 16.
void read_sweep(const void* memory, std::int64_t bytes, std::uint32_t* sink, int multiprocessors,
                gpu::Stream stream);
/// Reads every byte of `from` and writes it to `to`.
void copy_sweep(const void* from, void* to, std::int64_t bytes, int multiprocessors,
                gpu::Stream stream);
/// One block that does nothing.
void do_nothing(gpu::Stream stream);

}  // namespace kvsim::calibrate
