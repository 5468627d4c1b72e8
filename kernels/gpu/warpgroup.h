#pragma once
// Tensor cores by warpgroups (wgmma, sm_90a): gpu.h's smaller sister, with the same two sides.
//
// Four warps multiply together: each warp's 16 of 64 rows of the left operand are in its registers,
// fragments as of mma_m16n8k16; the right operand is read from shared memory by way of a
// descriptor. Products run asynchronously between warpgroup_begin() and warpgroup_wait(). The CPU
// machine computes each at once, from the same descriptor: it checks addresses, not the order of
// the two.
//
//   shared_address(p)        where a descriptor finds it
//   async_proxy_fence()      this thread's copies so far are seen by products after a barrier
//   warpgroup_begin()        before the first product that touches registers written since
//   warpgroup_wait()         all products are done; registers and shared memory are free
//   multiply_by_rows(d, a, b)     [warp of 4] d[64, 64] += a b^T, b 64 rows by 16 columns
//   multiply_by_columns(d, a, b)  [warp of 4] d[64, 128] += a b, b 16 rows by 128 columns
//
// Operands in shared memory are made of blocks of 64 columns (128 bytes) by any number of rows,
// 1024 bytes aligned, 16-byte piece p of row r at p xor (r % 8): the 128-byte swizzle. Descriptor
// fields and canonical layouts: PTX ISA 9.0, "Matrix Descriptor Format" and "Strides".

#include <cstdint>

#include "kernels/gpu/gpu.h"

namespace kvsim::gpu {

inline constexpr std::uint32_t kSwizzleRowBytes = 128;
inline constexpr std::uint32_t kSwizzleAtomBytes = 8 * kSwizzleRowBytes;

/// Bits 0-13: address; 16-29: leading stride; 32-45: outer stride, all in 16 bytes; 62-63: 128-byte
/// swizzle. Requires what the fields can hold: addresses below 256 KB.
KVSIM_HOST_DEVICE constexpr std::uint64_t matrix_descriptor(std::uint32_t address,
                                                            std::uint32_t leading_bytes,
                                                            std::uint32_t outer_bytes) {
  constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62;
  return (address >> 4 & 0x3fffu) | std::uint64_t{leading_bytes >> 4 & 0x3fffu} << 16 |
         std::uint64_t{outer_bytes >> 4 & 0x3fffu} << 32 | kSwizzle128;
}

/// Columns [16 step, 16 step + 16) of all rows, to be summed over: "K-major". Rows in eights are an
/// atom apart; the leading stride is not used. The address may point into an atom: the swizzle is
/// of address bits.
KVSIM_HOST_DEVICE constexpr std::uint64_t rows_descriptor(std::uint32_t tile, int rows, int step) {
  const auto block = static_cast<std::uint32_t>(step / 4 * rows) * kSwizzleRowBytes;
  const auto column = static_cast<std::uint32_t>(step % 4) * 32;
  return matrix_descriptor(tile + block + column, 16, kSwizzleAtomBytes);
}

/// Rows [16 step, 16 step + 16), to be summed over, of all columns: "MN-major". The leading stride
/// is from one block of 64 columns to the next, the outer one from eight rows to the next.
KVSIM_HOST_DEVICE constexpr std::uint64_t columns_descriptor(std::uint32_t tile, int rows,
                                                             int step) {
  return matrix_descriptor(tile + static_cast<std::uint32_t>(step) * 2 * kSwizzleAtomBytes,
                           static_cast<std::uint32_t>(rows) * kSwizzleRowBytes, kSwizzleAtomBytes);
}

}  // namespace kvsim::gpu

#if defined(__CUDACC__)
#include "kernels/gpu/warpgroup_cuda.cuh"
#else
#include "kernels/gpu/cpu/warpgroup.h"
#endif
