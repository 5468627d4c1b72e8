#pragma once
// What a launch needs to know, in plain C++ so that headers of host code can name it.

#include <cstddef>

namespace kvsim::gpu {

/// Blocks in each direction.
struct Grid {
  int x = 1;
  int y = 1;
  int z = 1;
};

/// Where work is queued. On a GPU `handle` is a cudaStream_t, null the default stream; on the CPU
/// it is a Machine*, null a machine with default options.
struct Stream {
  void* handle = nullptr;
};

/// Shared memory a block may ask for on sm_90 (CUDA C++ Programming Guide, table of compute
/// capabilities: 227 KB).
inline constexpr std::size_t kMaxSharedBytes = 232448;
/// What the blocks of one multiprocessor share, and what the system takes of it for each of them.
inline constexpr std::size_t kSharedBytesPerSm = 233472;
inline constexpr std::size_t kSharedBytesReserved = 1024;

struct Launch {
  Grid grid;
  int threads = 32;  ///< Per block: whole warps, at most 1024.
  std::size_t shared_bytes = 0;
  Stream stream;
};

}  // namespace kvsim::gpu
