#pragma once
// The functions of gpu.h as instructions of a GPU (sm_80 and later). Include gpu.h, which
// documents them. PTX names and constraints: PTX ISA 9.0.

#include <stdexcept>
#include <string>

#include <cuda_runtime.h>

#include "kernels/gpu/launch.h"
#include "kernels/gpu/macros.h"
#include "kernels/gpu/number.h"
#include "kernels/gpu/vec.h"

namespace kvsim::gpu {

inline constexpr int kWarpThreads = 32;

KVSIM_DEVICE int thread() { return static_cast<int>(threadIdx.x); }
KVSIM_DEVICE int lane() { return static_cast<int>(threadIdx.x % 32); }
KVSIM_DEVICE int warp() { return static_cast<int>(threadIdx.x / 32); }
KVSIM_DEVICE int threads() { return static_cast<int>(blockDim.x); }
KVSIM_DEVICE int block_x() { return static_cast<int>(blockIdx.x); }
KVSIM_DEVICE int block_y() { return static_cast<int>(blockIdx.y); }
KVSIM_DEVICE int block_z() { return static_cast<int>(blockIdx.z); }
KVSIM_DEVICE int blocks_x() { return static_cast<int>(gridDim.x); }
KVSIM_DEVICE int blocks_y() { return static_cast<int>(gridDim.y); }
KVSIM_DEVICE int blocks_z() { return static_cast<int>(gridDim.z); }

KVSIM_DEVICE void sync_block() { __syncthreads(); }
KVSIM_DEVICE void sync_warp() { __syncwarp(); }
KVSIM_DEVICE std::uint32_t ballot(bool predicate) { return __ballot_sync(~0u, predicate); }

template <class T>
KVSIM_DEVICE T shfl(T value, int from) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return __shfl_sync(~0u, value, from);
}
template <class T>
KVSIM_DEVICE T shfl_xor(T value, int mask) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return __shfl_xor_sync(~0u, value, mask);
}

template <class T>
KVSIM_DEVICE T& shared() {
  extern __shared__ __align__(1024) unsigned char dynamic_shared_memory[];
  return *reinterpret_cast<T*>(dynamic_shared_memory);
}

KVSIM_DEVICE std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}

// .cg: through L2 only, the cache line is not wanted again; 128B: fetch whole lines into L2.
KVSIM_DEVICE void cp_async16(void* shared, const void* global, bool valid = true) {
  asm volatile(
      "cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
      "l"(__cvta_generic_to_global(global)), "r"(valid ? 16 : 0)
      : "memory");
}
KVSIM_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kInFlight>
KVSIM_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kInFlight) : "memory");
}

KVSIM_DEVICE void ldmatrix_x4(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
KVSIM_DEVICE void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

template <class Element>
KVSIM_DEVICE void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4],
                               const std::uint32_t (&b)[2]);
template <>
KVSIM_DEVICE void mma_m16n8k16<Bf16>(float (&d)[4], const std::uint32_t (&a)[4],
                                     const std::uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <>
KVSIM_DEVICE void mma_m16n8k16<Fp16>(float (&d)[4], const std::uint32_t (&a)[4],
                                     const std::uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

KVSIM_DEVICE Vec16 load16(const void* from) {
  const uint4 v = *static_cast<const uint4*>(from);
  return {{v.x, v.y, v.z, v.w}};
}
KVSIM_DEVICE Vec16 load16_once(const void* from) {
  Vec16 v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.word[0]), "=r"(v.word[1]), "=r"(v.word[2]), "=r"(v.word[3])
               : "l"(__cvta_generic_to_global(from)));
  return v;
}
KVSIM_DEVICE void store16(void* to, const Vec16& value) {
  *static_cast<uint4*>(to) = make_uint4(value.word[0], value.word[1], value.word[2], value.word[3]);
}

template <class T>
KVSIM_DEVICE T load_fresh(const T* from) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return __ldcg(from);
}
KVSIM_DEVICE Vec16 load16_fresh(const void* from) {
  const uint4 v = __ldcg(static_cast<const uint4*>(from));
  return {{v.x, v.y, v.z, v.w}};
}
template <class T>
KVSIM_DEVICE T load_constant(const T* from) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return __ldg(from);
}
KVSIM_DEVICE void fence() { __threadfence(); }
template <class T>
KVSIM_DEVICE T atomic_add(T* to, T value) {
  return atomicAdd(to, value);
}
KVSIM_DEVICE std::uint32_t atomic_wrap(std::uint32_t* to, std::uint32_t count) {
  return atomicInc(to, count - 1);
}

KVSIM_DEVICE float exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
KVSIM_DEVICE float rsqrt(float x) { return ::rsqrtf(x); }
KVSIM_DEVICE float max(float a, float b) { return ::fmaxf(a, b); }

template <class Element>
KVSIM_DEVICE std::uint32_t pack(float low, float high);
template <>
KVSIM_DEVICE std::uint32_t pack<Bf16>(float low, float high) {
  std::uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
template <>
KVSIM_DEVICE std::uint32_t pack<Fp16>(float low, float high) {
  std::uint32_t word;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

template <class Element>
KVSIM_DEVICE void unpack(std::uint32_t word, float& low, float& high);
template <>
KVSIM_DEVICE void unpack<Bf16>(std::uint32_t word, float& low, float& high) {
  low = bits_float(word << 16);
  high = bits_float(word & 0xffff'0000u);
}
template <>
KVSIM_DEVICE void unpack<Fp16>(std::uint32_t word, float& low, float& high) {
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }"
      : "=f"(low), "=f"(high)
      : "r"(word));
}
KVSIM_DEVICE std::uint32_t widen_e4m3(std::uint16_t pair) {
  std::uint32_t word;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(word) : "h"(pair));
  return word;
}
KVSIM_DEVICE std::uint16_t narrow_e4m3(float low, float high) {
  std::uint16_t pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
  return pair;
}

template <class Element>
KVSIM_DEVICE std::uint32_t fma2(std::uint32_t a, std::uint32_t b, std::uint32_t c);
template <>
KVSIM_DEVICE std::uint32_t fma2<Bf16>(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
template <>
KVSIM_DEVICE std::uint32_t fma2<Fp16>(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
KVSIM_DEVICE std::uint32_t permute(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  return __byte_perm(a, b, selector);
}
template <unsigned kTable>
KVSIM_DEVICE std::uint32_t logic(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t d;
  asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(d) : "r"(a), "r"(b), "r"(c), "n"(kTable));
  return d;
}

inline void check_cuda(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Launch& launch, const Arguments&... arguments) {
  constexpr std::size_t kSharedWithoutAsking = 48 << 10;
  if (launch.shared_bytes > kSharedWithoutAsking)
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(launch.shared_bytes)),
               "shared memory");
  const dim3 grid(static_cast<unsigned>(launch.grid.x), static_cast<unsigned>(launch.grid.y),
                  static_cast<unsigned>(launch.grid.z));
  kernel<<<grid, static_cast<unsigned>(launch.threads), launch.shared_bytes,
           static_cast<cudaStream_t>(launch.stream.handle)>>>(arguments...);
  check_cuda(cudaGetLastError(), "launch");
}

}  // namespace kvsim::gpu
