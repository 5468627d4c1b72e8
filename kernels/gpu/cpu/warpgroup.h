#pragma once
// The functions of warpgroup.h on a Machine. Include warpgroup.h, which documents them.

#include "kernels/gpu/cpu/device.h"

namespace kvsim::gpu {

/// The block's shared memory begins at 0.
inline std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(static_cast<const std::byte*>(shared) -
                                    Machine::current().shared_memory());
}

inline void async_proxy_fence() {}
inline void warpgroup_begin() {}
inline void warpgroup_wait() {}

template <class Element>  // Bf16 or Fp16.
void multiply_by_rows(float (&d)[8][4], const std::uint32_t (&a)[4], std::uint64_t b,
                      Where where = Where::current());
template <class Element>
void multiply_by_columns(float (&d)[16][4], const std::uint32_t (&a)[4], std::uint64_t b,
                         Where where = Where::current());

}  // namespace kvsim::gpu
