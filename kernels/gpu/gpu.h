#pragma once
// The thin layer: one kernel source for two compilers.
//
// Kernels include this header and nothing else of a GPU's: no inline assembly, no intrinsics, no
// `extern __shared__`. Under nvcc every function below is the instruction it is named after. Under
// g++ a block is a set of fibers, one per CUDA thread, run by a Machine (cpu/machine.h) that is
// stricter than the hardware: shared memory starts as NaNs, an asynchronous copy spoils its
// destination at once and lands only at its wait, ldmatrix refuses what was copied and no barrier
// has made visible, warps and blocks run in a seeded order, and threads that wait at different
// places are an error that says who waits where. What it cannot see: true concurrency, memory
// ordering of plain loads and stores, bank conflicts, registers.
//
// Rules for kernels
//   * Blocks are one-dimensional and whole warps; grids have up to three dimensions.
//   * All lanes of a warp reach every collective (marked [warp] below), all threads of a block
//     reach every sync_block(). A whole block may return early; single threads may not.
//   * Parameters are passed by value, best as one plain struct.
//   * Shared memory is one struct of plain arrays: `auto& shared = gpu::shared<MyTiles>();`.
//
// The functions, in namespace kvsim::gpu; `int` where not said otherwise
//   thread() lane() warp() threads()      place in the block; its size
//   block_x() _y() _z(), blocks_x() ..    place in the grid; its size
//   sync_block(), sync_warp() [warp]      barriers; shared memory written before is seen after
//   shfl(v, lane), shfl_xor(v, mask)      [warp] v is any 4-byte type
//   ballot(predicate) -> uint32_t         [warp]
//   shared<T>() -> T&                     the block's shared memory; launch with sizeof(T) bytes
//   cp_async16(shared, global, valid)     16 bytes, both aligned; !valid: zeros, nothing is read
//   cp_async_commit(), cp_async_wait<N>() groups; until at most N of this thread's are in flight.
//                                         Other threads see the bytes after a barrier as well.
//   ldmatrix_x4(r, row), .._trans(r, row) [warp] four 8x8 matrices of 16-bit elements; lane i gives
//                                         the address of row i % 8 of matrix i / 8 (16 bytes)
//   mma_m16n8k16<E>(d, a, b)              [warp] d += a b, E Bf16 or Fp16, PTX fragments:
//                                         lane l, g = l / 4, t = l % 4, two elements per word
//                                           a[0..3]: (g, 2t) (g+8, 2t) (g, 2t+8) (g+8, 2t+8)
//                                           b[0..1]: (2t, g) (2t+8, g)
//                                           d[0..3]: (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1)
//   load16(p), load16_once(p), store16(p, v)   Vec16, 16 bytes aligned; _once: will not be reread
//   load_fresh(p), load16_fresh(p)        not from L1: what another block wrote before its fence
//   load_constant(p)                      nothing writes to it while the kernel runs; 4 bytes
//   fence()                               this thread's writes before are seen first by all blocks
//   atomic_add(p, v), atomic_wrap(p, n)   return the old value; wrap counts 0 .. n-1, 0, ..
//   exp2(x) rsqrt(x) max(a, b)            float; exp2 and rsqrt to about 2 units in the last place
//   pack<E>(lo, hi) -> uint32_t, unpack<E>(word, lo, hi)   two 16-bit elements, lo in the low half
//   widen_e4m3(uint16_t) -> uint32_t      two e4m3 to two fp16, exactly
//   narrow_e4m3(lo, hi) -> uint16_t       two floats to two e4m3, saturating, lo in the low byte
//   fma2<E>(a, b, c) -> uint32_t          two 16-bit multiply-adds, each rounded once
//   permute(a, b, selector)               PRMT: byte i of the result is byte `nibble i` of (b:a)
//   logic<Table>(a, b, c)                 LOP3: Table = f(0xf0, 0xcc, 0xaa)
//   launch(kernel, Launch, arguments...)  host; throws std::runtime_error. CPU: runs it now.
// Element types and scalar conversions, to_float and from_float, are in number.h;
// products by warpgroups (wgmma) in warpgroup.h.

#if defined(__CUDACC__)
#include "kernels/gpu/cuda.cuh"
#else
#include "kernels/gpu/cpu/device.h"
#endif
