#pragma once
// Kernel of append.h. Included by append.cpp and append.cu.
//
// One row is one head of one token; head_dim / 8 lanes share it, 16 bytes each, so that loads and
// stores are whole sectors and a row's largest magnitude takes a few shuffles. The bytes are few
// and the launch is the floor (2-3 us): nothing is staged in shared memory.

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "kernels/append/append.h"
#include "kernels/formats/eight.cuh"
#include "kernels/formats/quantise.cuh"
#include "kernels/gpu/gpu.h"

namespace kvsim {

/// Rotates 8 neighbours of a row whose partners lie lanes / 2 lanes away. [warp]
KVSIM_DEVICE void rotate_pairs(Eight& row, int part, int lanes, const float* cos_sin,
                               bool rotates) {
  const int half = lanes / 2;
  const float sign = part < half ? -1.f : 1.f;
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i) {
    const float partner = gpu::shfl_xor(row.x[i], half);
    if (!rotates) continue;
    const int frequency = part % half * 8 + i;
    row.x[i] = row.x[i] * cos_sin[frequency] + sign * partner * cos_sin[half * 8 + frequency];
  }
}

/// The float bits of the largest magnitude of a row that `lanes` lanes hold. [warp]
KVSIM_DEVICE std::uint32_t largest_magnitude(const Eight& row, int lanes) {
  std::uint32_t largest = 0;
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t magnitude = gpu::float_bits(row.x[i]) & 0x7fff'ffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  for (int mask = lanes / 2; mask > 0; mask /= 2) {
    const std::uint32_t other = gpu::shfl_xor(largest, mask);
    largest = other > largest ? other : largest;
  }
  return largest;
}

/// Element: Bf16 or Fp16, of the rows. Storage: Element itself or a Storage of storage.h.
/// Grid: tokens x groups of rows.
template <class Element, class Storage>
KVSIM_KERNEL append(const AppendArgs args) {
  const int lanes = args.head_dim / 8;
  const int part = gpu::thread() % lanes;
  const int token = gpu::block_x();
  const int row = (gpu::block_y() * gpu::threads() + gpu::thread()) / lanes;
  const bool is_query = row < args.query_heads;
  const bool is_key = !is_query && row < args.query_heads + args.kv_heads;
  const bool exists = row < args.query_heads + 2 * args.kv_heads;
  const int head = row - (is_query ? 0
                          : is_key ? args.query_heads
                                   : args.query_heads + args.kv_heads);

  const void* rows = is_query ? args.query : is_key ? args.key : args.value;
  const std::int64_t at = token * args.token_stride + head * args.head_dim + part * 8;
  gpu::Vec16 packed;
  if (exists) packed = gpu::load16(static_cast<const Element*>(rows) + at);
  Eight values = unpack8<Element>(packed);
  if (args.cos_sin != nullptr) {
    const std::int64_t position = args.positions[token];
    rotate_pairs(values, part, lanes, args.cos_sin + position * args.head_dim, is_query || is_key);
    packed = pack8<Element>(values);
    if (is_query) gpu::store16(static_cast<Element*>(args.query) + at, packed);
  }

  const std::int32_t slot = args.slots[token];
  const bool keep = exists && !is_query && slot >= 0;
  const std::int64_t page = slot >> args.page_shift;
  const int offset = slot & ((1 << args.page_shift) - 1);
  const std::int64_t pool_row = ((page * args.kv_heads + head) << args.page_shift) + offset;
  void* pool = is_key ? args.k : args.v;
  if constexpr (std::is_same_v<Storage, Element>) {
    if (keep) static_cast<gpu::Vec16*>(pool)[pool_row * lanes + part] = packed;
  } else {
    const gpu::Fp16 stored = scale_for<Storage>(largest_magnitude(values, lanes));
    if (!keep) return;
    const float scale = gpu::to_float(stored);
    KVSIM_UNROLL
    for (int i = 0; i < 8; ++i) values.x[i] = scale > 0 ? values.x[i] / scale : 0;  // NaN: 0.
    static_cast<Codes8<Storage>*>(pool)[pool_row * lanes + part] = encode<Storage>(values);
    if (part == 0)
      static_cast<gpu::Fp16*>(is_key ? args.k_scales : args.v_scales)[pool_row] = stored;
  }
}

namespace {

template <class Element, class Storage>
void launch_append_of(const AppendArgs& args, int tokens, gpu::Stream stream) {
  constexpr int kMaxThreads = 128;
  const int lanes = (args.query_heads + 2 * args.kv_heads) * (args.head_dim / 8);
  const int threads = std::min((lanes + 31) / 32 * 32, kMaxThreads);
  gpu::launch(&append<Element, Storage>,
              {{tokens, (lanes + threads - 1) / threads, 1}, threads, 0, stream}, args);
}

template <class Element>
void launch_append_from(KvElement stored, const AppendArgs& args, int tokens, gpu::Stream stream) {
  switch (stored) {
    case KvElement::kE4m3:
      return launch_append_of<Element, E4m3Storage>(args, tokens, stream);
    case KvElement::kInt8:
      return launch_append_of<Element, Int8Storage>(args, tokens, stream);
    case KvElement::kInt4:
      return launch_append_of<Element, Int4Storage>(args, tokens, stream);
    case KvElement::kBf16:
    case KvElement::kFp16:
      return launch_append_of<Element, Element>(args, tokens, stream);
  }
}

}  // namespace

void launch_append(const AppendKernel& kernel, const AppendArgs& args, int tokens,
                   gpu::Stream stream) {
  if (is_quantised(kernel.row) || (!is_quantised(kernel.stored) && kernel.stored != kernel.row))
    throw std::invalid_argument("append: rows are bf16 or fp16, kept as they are or quantised");
  if (args.head_dim < 16 || args.head_dim > 256 || (args.head_dim & (args.head_dim - 1)) != 0)
    throw std::invalid_argument("append: head_dim 16, 32, 64, 128 or 256, got " +
                                std::to_string(args.head_dim));
  if (args.query_heads != 0 && args.cos_sin == nullptr)
    throw std::invalid_argument("append: queries are only rotated, and there is no rotation");
  if (tokens == 0) return;
  if (kernel.row == KvElement::kBf16) {
    launch_append_from<gpu::Bf16>(kernel.stored, args, tokens, stream);
  } else {
    launch_append_from<gpu::Fp16>(kernel.stored, args, tokens, stream);
  }
}

}  // namespace kvsim
