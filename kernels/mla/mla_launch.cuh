#pragma once
// From the words of mla.h to a kernel. Included by mla.cpp and mla.cu, which differ in the compiler
// only.

#include <stdexcept>
#include <string>

#include "kernels/mla/mla.h"
#include "kernels/mla/mla_kernel.cuh"

namespace kvsim {
namespace {

constexpr int kElementBytes = 2;
constexpr int kMinPageShift = 3;
constexpr int kMaxPageShift = 8;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("mla: " + what); }

void check_args(const DecodeArgs& args) {
  if (args.kv_heads != 1)
    refuse("all heads share one row per token, got " + std::to_string(args.kv_heads) + " KV heads");
  if (args.q_heads <= 0 || args.head_groups != head_groups(args.q_heads, 1))
    refuse(std::to_string(args.q_heads) + " query heads do not make " +
           std::to_string(args.head_groups) + " groups");
  if (args.page_shift < kMinPageShift || args.page_shift > kMaxPageShift)
    refuse("pages of 8 to 256 tokens, got " + std::to_string(1 << args.page_shift));
  if (args.window != 0 || args.sinks != 0) refuse("no window, no sinks");
}

}  // namespace

DecodeShape mla_shape(int q_heads, int page_tokens) {
  return {q_heads, 1, kMlaLatentDim, kMlaRowDim * kElementBytes, page_tokens, 0, 0};
}

DecodeDevice mla_device(int multiprocessors) {
  DecodeDevice device;
  device.resident = multiprocessors;  // A block fills the shared memory of one.
  device.tile_tokens = kMlaTileTokens;
  device.max_splits = kMaxSplits;
  return device;
}

DecodeWorkspace mla_workspace(const DecodeShape& shape, const DecodePlan& plan) {
  const std::int32_t groups = head_groups(shape.q_heads, 1);
  const auto rows =
      static_cast<std::size_t>(plan.slots) * static_cast<std::size_t>(shape.q_heads / groups);
  return {rows * kMlaLatentDim, rows * 2,
          static_cast<std::size_t>(plan.features.sequences * groups)};
}

void launch_mla(const DecodeArgs& args, gpu::Stream stream) {
  check_args(args);
  if (args.item_count == 0) return;
  static_assert(sizeof(MlaTile<gpu::Bf16>) <= gpu::kMaxSharedBytes);
  gpu::launch(
      &mla_kernel<gpu::Bf16, Paged>,
      {{args.item_count, 1, 1}, kMlaWarps * gpu::kWarpThreads, sizeof(MlaTile<gpu::Bf16>), stream},
      args);
}

}  // namespace kvsim
