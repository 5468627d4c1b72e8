#pragma once
// The unit of memory traffic: 16 bytes, one vector load of one thread.

#include <cstdint>

namespace kvsim::gpu {

struct alignas(16) Vec16 {
  std::uint32_t word[4] = {};
};

}  // namespace kvsim::gpu
