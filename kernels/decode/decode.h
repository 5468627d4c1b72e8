#pragma once
// Decode attention for a host: pick a kernel, plan with decode_device(), launch.
//
//   const DecodeKernel kernel{KvElement::kBf16, 128, 4, true};
//   const DecodePlan plan = plan_decode(shape, decode_device(kernel, sms), lengths);
//   const DecodeWorkspace sizes = decode_workspace(kernel, plan, shape);   // allocate, arrivals
//   zeroed launch_decode(kernel, args, stream);                                   // args:
//   decode_args.h
//
// The same functions exist on both sides: compiled by nvcc they launch on a GPU, by g++ they run on
// the CPU machine. They throw std::invalid_argument, in one line, where there is no such kernel.

#include <cstddef>

#include "kernels/decode/decode_args.h"
#include "kernels/formats/kv_element.h"
#include "kernels/gpu/launch.h"
#include "sim/model/attention/decode_plan.h"

namespace kvsim {

struct DecodeKernel {
  KvElement element = KvElement::kBf16;  ///< Of K and V. If 16 bits, of q and out as well; else
                                         ///< those are bf16, and K and V are paged.
  int head_dim = 0;                      ///< 64, 128 or 256
  int group = 0;                         ///< Query heads per KV head
  bool paged = true;
};

/// How many elements each of the pointers of DecodeArgs must have room for.
struct DecodeWorkspace {
  std::size_t partial_out = 0;
  std::size_t partial_stats = 0;
  std::size_t arrivals = 0;
};

/// What the planner must know of the kernel on a GPU of so many multiprocessors.
[[nodiscard]] DecodeDevice decode_device(const DecodeKernel& kernel, int multiprocessors);
[[nodiscard]] DecodeWorkspace decode_workspace(const DecodeKernel& kernel, const DecodePlan& plan,
                                               const DecodeShape& shape);
/// Queues one step's attention. Nothing to do for an empty plan.
void launch_decode(const DecodeKernel& kernel, const DecodeArgs& args, gpu::Stream stream);

}  // namespace kvsim
