#pragma once
// From the words of decode.h to a kernel. Included by decode.cpp and decode.cu, which differ in the
// compiler only.

#include <stdexcept>
#include <string>

#include "kernels/decode/decode.h"
#include "kernels/decode/decode_kernel.cuh"
#include "kernels/formats/eight_bit.cuh"
#include "kernels/formats/four_bit.cuh"
#include "kernels/formats/sixteen_bit.cuh"

namespace kvsim {
namespace {

constexpr int kThreads = kDecodeWarps * gpu::kWarpThreads;
constexpr int kMinPageShift = 3;
constexpr int kMaxPageShift = 8;

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("decode: " + what);
}

/// One kernel, as a type.
template <class Format_, class Table_, int kDim_, int kRows_>
struct DecodeCase {
  using Format = Format_;
  using Table = Table_;
  using Traits = DecodeTraits<Format, kDim_, kRows_>;
  static constexpr int kDim = kDim_;
  static constexpr int kRows = kRows_;
};

template <class Format, class Table, int kDim, class Visit>
auto with_group(const DecodeKernel& kernel, Visit visit) {
  if (kernel.group < 1)
    refuse("groups of at least 1 query head, got " + std::to_string(kernel.group));
  if (kernel.group / head_groups(kernel.group, 1) <= 8)
    return visit(DecodeCase<Format, Table, kDim, 8>());
  return visit(DecodeCase<Format, Table, kDim, 16>());
}

template <class Format, class Table, class Visit>
auto with_head_dim(const DecodeKernel& kernel, Visit visit) {
  switch (kernel.head_dim) {
    case 64:
      return with_group<Format, Table, 64>(kernel, visit);
    case 128:
      return with_group<Format, Table, 128>(kernel, visit);
    case 256:
      return with_group<Format, Table, 256>(kernel, visit);
    default:
      refuse("head_dim 64, 128 or 256, got " + std::to_string(kernel.head_dim));
  }
}

template <class Format, class Visit>
auto with_table(const DecodeKernel& kernel, Visit visit) {
  if (kernel.paged) return with_head_dim<Format, Paged>(kernel, visit);
  return with_head_dim<Format, Contiguous>(kernel, visit);
}

/// visit(DecodeCase) for the kernel asked for.
template <class Visit>
auto with_case(const DecodeKernel& kernel, Visit visit) {
  if (is_quantised(kernel.element) && !kernel.paged) refuse("quantised K and V are paged");
  switch (kernel.element) {
    case KvElement::kBf16:
      return with_table<SixteenBit<gpu::Bf16>>(kernel, visit);
    case KvElement::kFp16:
      return with_table<SixteenBit<gpu::Fp16>>(kernel, visit);
    case KvElement::kE4m3:
      return with_head_dim<EightBit<gpu::Bf16, E4m3Codes>, Paged>(kernel, visit);
    case KvElement::kInt8:
      return with_head_dim<EightBit<gpu::Bf16, Int8Codes>, Paged>(kernel, visit);
    case KvElement::kInt4:
      return with_head_dim<FourBit<gpu::Bf16>, Paged>(kernel, visit);
  }
  refuse("no such KV element");
}

void check_args(const DecodeKernel& kernel, const DecodeArgs& args) {
  if (args.kv_heads <= 0 || args.q_heads != args.kv_heads * kernel.group)
    refuse(std::to_string(args.q_heads) + " query heads are not " + std::to_string(kernel.group) +
           " for each of " + std::to_string(args.kv_heads) + " KV heads");
  if (args.head_groups != head_groups(args.q_heads, args.kv_heads))
    refuse(std::to_string(args.q_heads) + " query heads make " +
           std::to_string(head_groups(args.q_heads, args.kv_heads)) + " groups, not " +
           std::to_string(args.head_groups));
  if (kernel.paged && (args.page_shift < kMinPageShift || args.page_shift > kMaxPageShift))
    refuse("pages of 8 to 256 tokens, got " + std::to_string(1 << args.page_shift));
  if (!kernel.paged && args.capacity % kHalfTokens != 0)
    refuse("a capacity in multiples of 8 tokens, got " + std::to_string(args.capacity));
}

}  // namespace

DecodeDevice decode_device(const DecodeKernel& kernel, int multiprocessors) {
  DecodeDevice device;
  device.resident = multiprocessors * with_case(kernel, [](auto picked) {
                      return decltype(picked)::Traits::kBlocksPerSm;
                    });
  device.tile_tokens = kDecodeTileTokens;
  device.max_splits = kMaxSplits;
  return device;
}

DecodeWorkspace decode_workspace(const DecodeKernel& kernel, const DecodePlan& plan,
                                 const DecodeShape& shape) {
  const std::int32_t groups = head_groups(shape.q_heads, shape.kv_heads);
  const auto rows =
      static_cast<std::size_t>(plan.slots) * static_cast<std::size_t>(shape.q_heads / groups);
  return {rows * static_cast<std::size_t>(kernel.head_dim), rows * 2,
          static_cast<std::size_t>(plan.features.sequences * groups)};
}

void launch_decode(const DecodeKernel& kernel, const DecodeArgs& args, gpu::Stream stream) {
  check_args(kernel, args);
  if (args.item_count == 0) return;
  with_case(kernel, [&](auto picked) {
    using Case = decltype(picked);
    const gpu::Launch launch{
        {args.item_count, 1, 1}, kThreads, sizeof(typename Case::Traits::Shared), stream};
    gpu::launch(
        &decode_kernel<typename Case::Format, typename Case::Table, Case::kDim, Case::kRows>,
        launch, args);
  });
}

}  // namespace kvsim
