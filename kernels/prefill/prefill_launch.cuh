#pragma once
// From the words of prefill.h to a kernel. Included by prefill.cpp and prefill.cu, which differ in
// the compiler only.

#include <stdexcept>
#include <string>

#include "kernels/prefill/prefill.h"
#include "kernels/prefill/prefill_kernel.cuh"
#include "kernels/prefill/warp_products.cuh"
#include "kernels/prefill/warpgroup_products.cuh"

namespace kvsim {
namespace {

constexpr int kMinPageShift = 3;
constexpr int kMaxPageShift = 8;

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("prefill: " + what);
}

template <class Products, class Table>
void launch_case(const PrefillArgs& args, gpu::Stream stream) {
  static_assert(Products::kBlocksPerSm *
                    (sizeof(PrefillTile<Products>) + gpu::kSharedBytesReserved) <=
                gpu::kSharedBytesPerSm);
  gpu::launch(&prefill_kernel<Products, Table>,
              {{args.item_count, 1, 1},
               Products::kWarps * gpu::kWarpThreads,
               sizeof(PrefillTile<Products>),
               stream},
              args);
}

template <class Element, class Table>
void launch_sizes(const PrefillKernel& kernel, const PrefillArgs& args, gpu::Stream stream) {
  const bool tall = kernel.rows == 128;
  if (kernel.warpgroups) return launch_case<WarpgroupProducts<Element>, Table>(args, stream);
  if (kernel.head_dim == 64)
    return tall ? launch_case<WarpProducts<Element, 64, 128>, Table>(args, stream)
                : launch_case<WarpProducts<Element, 64, 64>, Table>(args, stream);
  if (kernel.head_dim == 128)
    return tall ? launch_case<WarpProducts<Element, 128, 128>, Table>(args, stream)
                : launch_case<WarpProducts<Element, 128, 64>, Table>(args, stream);
  launch_case<WarpProducts<Element, 256, 64>, Table>(args, stream);
}

template <class Element>
void launch_table(const PrefillKernel& kernel, const PrefillArgs& args, gpu::Stream stream) {
  if (kernel.paged) return launch_sizes<Element, Paged>(kernel, args, stream);
  launch_sizes<Element, Contiguous>(kernel, args, stream);
}

void check_kernel(const PrefillKernel& kernel) {
  if (is_quantised(kernel.element))
    refuse("K and V in bf16 or fp16; quantised ones are read by decode only");
  if (kernel.head_dim != 64 && kernel.head_dim != 128 && kernel.head_dim != 256)
    refuse("head_dim 64, 128 or 256, got " + std::to_string(kernel.head_dim));
  if (kernel.rows != 64 && (kernel.rows != 128 || kernel.head_dim == 256))
    refuse("tiles of 64 rows, or of 128 up to head_dim 128, got " + std::to_string(kernel.rows));
  if (kernel.warpgroups && (kernel.head_dim != 128 || kernel.rows != 128))
    refuse("warpgroups take head_dim 128 and 128 rows, got " + std::to_string(kernel.head_dim) +
           " and " + std::to_string(kernel.rows));
}

void check_args(const PrefillKernel& kernel, const PrefillArgs& args) {
  if (args.kv_heads <= 0 || args.q_heads <= 0 || args.q_heads % args.kv_heads != 0)
    refuse(std::to_string(args.q_heads) + " query heads do not divide among " +
           std::to_string(args.kv_heads) + " KV heads");
  if (kernel.paged && (args.page_shift < kMinPageShift || args.page_shift > kMaxPageShift))
    refuse("pages of 8 to 256 tokens, got " + std::to_string(1 << args.page_shift));
}

}  // namespace

PrefillTiling prefill_tiling(const PrefillKernel& kernel, int multiprocessors) {
  check_kernel(kernel);
  PrefillTiling tiling;
  tiling.rows = kernel.rows;
  tiling.kv_tokens = kPrefillKvTokens;
  constexpr int kWarpBlocks = WarpProducts<gpu::Bf16, 128, 128>::kBlocksPerSm;
  constexpr int kWarpgroupBlocks = WarpgroupProducts<gpu::Bf16>::kBlocksPerSm;
  tiling.resident = multiprocessors * (kernel.warpgroups ? kWarpgroupBlocks : kWarpBlocks);
  return tiling;
}

PrefillWorkspace prefill_workspace(const PrefillKernel& kernel, const PrefillPlan& plan) {
  const auto slots = static_cast<std::size_t>(plan.slots);
  const std::size_t rows = slots * static_cast<std::size_t>(kernel.rows);
  return {rows * static_cast<std::size_t>(kernel.head_dim), rows * 2, slots};
}

void launch_prefill(const PrefillKernel& kernel, const PrefillArgs& args, gpu::Stream stream) {
  check_kernel(kernel);
  check_args(kernel, args);
  if (args.item_count == 0) return;
  if (kernel.element == KvElement::kBf16) return launch_table<gpu::Bf16>(kernel, args, stream);
  launch_table<gpu::Fp16>(kernel, args, stream);
}

}  // namespace kvsim
