#pragma once
// Products of the prefill kernel by wgmma: warpgroups of four, K and V straight from shared memory.
//
// Compiled for sm_90a and checked on the CPU machine, which follows its descriptors; not yet run on
// a GPU, so launch_prefill() takes it only when asked (PrefillKernel::warpgroups).

#include "kernels/gpu/warpgroup.h"
#include "kernels/prefill/tile.cuh"
#include "kernels/prefill/warp_products.cuh"

namespace kvsim {

/// Two warpgroups of 64 rows share every tile; one block per multiprocessor, a deep ring.
template <class Element_>
struct WarpgroupProducts {
  using Element = Element_;
  static constexpr int kHeadDim = 128;
  static constexpr int kRows = 128;
  static constexpr int kWarps = 8;
  static constexpr int kBlocksPerSm = 1;
  static constexpr int kSlots = 8;
  using KvLayout = BlockLayout<kHeadDim, kPrefillKvTokens>;

  /// A thread's own copies, for the products of all after the barrier.
  KVSIM_DEVICE static void before_barrier() { gpu::async_proxy_fence(); }

  /// scores += q k^T: this warp's rows of q, from warp_row, against the tile's keys.
  KVSIM_DEVICE static void add_scores(float (&scores)[1][8][4], const Element* q, int warp_row,
                                      const Element* k) {
    constexpr int kSteps = kHeadDim / 16;
    std::uint32_t left[kSteps][4];
    KVSIM_UNROLL
    for (int step = 0; step < kSteps; ++step) load_left<kHeadDim>(left[step], q, warp_row, step);
    const std::uint32_t tile = gpu::shared_address(k);
    gpu::warpgroup_begin();
    KVSIM_UNROLL
    for (int step = 0; step < kSteps; ++step)
      gpu::multiply_by_rows<Element>(scores[0], left[step],
                                     gpu::rows_descriptor(tile, kPrefillKvTokens, step));
    gpu::warpgroup_wait();
  }

  /// output += powers v.
  KVSIM_DEVICE static void add_output(float (&output)[1][16][4],
                                      const std::uint32_t (&powers)[1][4][4], const Element* v) {
    const std::uint32_t tile = gpu::shared_address(v);
    gpu::warpgroup_begin();
    KVSIM_UNROLL
    for (int step = 0; step < kPrefillKvTokens / 16; ++step)
      gpu::multiply_by_columns<Element>(output[0], powers[0][step],
                                        gpu::columns_descriptor(tile, kPrefillKvTokens, step));
    gpu::warpgroup_wait();
  }
};

}  // namespace kvsim
