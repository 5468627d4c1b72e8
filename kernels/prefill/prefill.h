#pragma once
// Chunked-prefill attention for a host: pick a kernel, plan with prefill_tiling(), launch.
//
//   const PrefillKernel kernel{KvElement::kBf16, 128, prefill_rows(shape, chunks), true};
//   const PrefillPlan plan = plan_prefill(shape, prefill_tiling(kernel, multiprocessors), chunks);
//   allocate prefill_workspace(kernel, plan), arrivals zeroed; fill PrefillArgs; launch_prefill()
//
// The same functions exist on both sides: compiled by nvcc they launch on a GPU, by g++ they run on
// the CPU machine. They throw std::invalid_argument, in one line, where there is no such kernel.

#include <cstddef>

#include "kernels/decode/decode.h"
#include "kernels/gpu/launch.h"
#include "kernels/prefill/prefill_args.h"
#include "sim/model/attention/prefill_plan.h"

namespace kvsim {

struct PrefillKernel {
  KvElement element = KvElement::kBf16;  ///< Of q, k, v and out.
  int head_dim = 0;                      ///< 64, 128 or 256
  int rows = 128;                        ///< Of a tile: 64, or 128 where head_dim <= 128
  bool paged = true;
  /// By wgmma instead of mma.sync: head_dim 128, 128 rows; not yet run on a GPU.
  bool warpgroups = false;
};

/// How many elements PrefillArgs::parts and arrivals must have room for.
struct PrefillWorkspace {
  std::size_t output = 0;
  std::size_t stats = 0;
  std::size_t arrivals = 0;
};

/// What the planner must know of the kernel on a GPU of so many multiprocessors.
[[nodiscard]] PrefillTiling prefill_tiling(const PrefillKernel& kernel, int multiprocessors);
[[nodiscard]] PrefillWorkspace prefill_workspace(const PrefillKernel& kernel,
                                                 const PrefillPlan& plan);
/// Queues one launch for all sequences of the plan. Nothing to do for an empty one.
void launch_prefill(const PrefillKernel& kernel, const PrefillArgs& args, gpu::Stream stream);

}  // namespace kvsim
