#pragma once
// From the words of prefill.h to a kernel. Included by prefill.cpp and prefill.cu, which differ in
// the compiler only.

#include <stdexcept>
#include <string>

#include "kernels/prefill/prefill.h"
#include "kernels/prefill/prefill_kernel.cuh"

namespace kvsim {
namespace {

constexpr int kThreads = kPrefillWarps * gpu::kWarpThreads;
constexpr int kMinPageShift = 3;
constexpr int kMaxPageShift = 8;
constexpr int kBlocksPerSm = 2;

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("prefill: " + what);
}

template <class Element, class Table, int kHeadDim, int kRows>
void launch_case(const PrefillArgs& args, gpu::Stream stream) {
  gpu::launch(
      &prefill_kernel<Element, Table, kHeadDim, kRows>,
      {{args.item_count, 1, 1}, kThreads, sizeof(PrefillTile<Element, kHeadDim, kRows>), stream},
      args);
}

template <class Element, class Table>
void launch_sizes(const PrefillKernel& kernel, const PrefillArgs& args, gpu::Stream stream) {
  const bool tall = kernel.rows == 128;
  if (kernel.head_dim == 64)
    return tall ? launch_case<Element, Table, 64, 128>(args, stream)
                : launch_case<Element, Table, 64, 64>(args, stream);
  if (kernel.head_dim == 128)
    return tall ? launch_case<Element, Table, 128, 128>(args, stream)
                : launch_case<Element, Table, 128, 64>(args, stream);
  launch_case<Element, Table, 256, 64>(args, stream);
}

template <class Element>
void launch_table(const PrefillKernel& kernel, const PrefillArgs& args, gpu::Stream stream) {
  if (kernel.paged) return launch_sizes<Element, Paged>(kernel, args, stream);
  launch_sizes<Element, Contiguous>(kernel, args, stream);
}

void check_kernel(const PrefillKernel& kernel) {
  if (kernel.head_dim != 64 && kernel.head_dim != 128 && kernel.head_dim != 256)
    refuse("head_dim 64, 128 or 256, got " + std::to_string(kernel.head_dim));
  if (kernel.rows != 64 && (kernel.rows != 128 || kernel.head_dim == 256))
    refuse("tiles of 64 rows, or of 128 up to head_dim 128, got " + std::to_string(kernel.rows));
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
  tiling.resident = kBlocksPerSm * multiprocessors;
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
