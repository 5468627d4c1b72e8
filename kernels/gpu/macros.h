#pragma once
// The words a kernel is written with; empty, or nearly, for a host compiler.

#if defined(__CUDACC__)
#define KVSIM_KERNEL __global__ void
#define KVSIM_DEVICE __device__ __forceinline__
#define KVSIM_HOST_DEVICE __host__ __device__ __forceinline__
#define KVSIM_LAUNCH_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#define KVSIM_UNROLL _Pragma("unroll")
#define KVSIM_UNROLL_BY_4 _Pragma("unroll 4")
#define KVSIM_NO_UNROLL _Pragma("unroll 1")
#else
#define KVSIM_KERNEL void
#define KVSIM_DEVICE inline
#define KVSIM_HOST_DEVICE inline
#define KVSIM_LAUNCH_BOUNDS(threads, blocks)
#define KVSIM_UNROLL
#define KVSIM_UNROLL_BY_4
#define KVSIM_NO_UNROLL
#endif
