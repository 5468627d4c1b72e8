#pragma once
// KV append ("reshape and cache"): new keys and values go from the rows of a projection into their
// slots of the paged pools, quantised on the way if the pool is; optionally the queries and keys
// are rotated first (RoPE, GPT-NeoX pairing: dimension d with d + head_dim / 2; arXiv 2104.09864),
// the queries in place.
//
// One row is one head of one token; head_dim / 8 lanes share it, 16 bytes each, so that loads and
// stores are whole sectors and a row's largest magnitude takes log2(head_dim / 8) shuffles. Bytes
// are few and the launch is the floor (2-3 us); nothing is staged in shared memory.

#include <cstdint>
#include <type_traits>

#include "kernels/formats/eight.cuh"
#include "kernels/formats/quantise.cuh"
#include "kernels/gpu/gpu.h"

namespace kvsim {

struct AppendParams {
  // Rows of a token lie one after another; tokens `token_stride` elements apart, a multiple of 8.
  void* query = nullptr;        // [tokens, query_heads, head_dim]; rotated in place
  const void* key = nullptr;    // [tokens, kv_heads, head_dim]
  const void* value = nullptr;  // [tokens, kv_heads, head_dim]
  std::int64_t token_stride = 0;
  /// [tokens]: page * page_tokens + offset; negative: nothing is kept of this token (padding).
  const std::int32_t* slots = nullptr;
  void* key_pages = nullptr;          // [pages, kv_heads, page_tokens, head_dim] codes
  void* value_pages = nullptr;        // as key_pages
  gpu::Fp16* key_scales = nullptr;    // [pages, kv_heads, page_tokens]; quantised pools only
  gpu::Fp16* value_scales = nullptr;  // as key_scales
  // Rotation only.
  const std::int32_t* positions = nullptr;  // [tokens]
  const float* cos_sin = nullptr;           // [positions, head_dim]: cosines, then sines
  int query_heads = 0;                      // 0 without rotation
  int kv_heads = 0;
  int page_shift = 0;  // log2 of page_tokens
};

/// The pool keeps the elements it is given.
template <class Storage>
inline constexpr bool kIsQuantised =
    !std::is_same_v<Storage, gpu::Bf16> && !std::is_same_v<Storage, gpu::Fp16>;

/// Rotates 8 neighbours of a row whose other half lies kLanes / 2 lanes away. [warp]
template <int kLanes>
KVSIM_DEVICE void rotate_pairs(Eight& row, int part, const float* cos_sin, bool rotates) {
  constexpr int kHalf = kLanes / 2;
  const float sign = part < kHalf ? -1.f : 1.f;
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i) {
    const float partner = gpu::shfl_xor(row.x[i], kHalf);
    if (!rotates) continue;
    const int frequency = part % kHalf * 8 + i;
    row.x[i] = row.x[i] * cos_sin[frequency] + sign * partner * cos_sin[kHalf * 8 + frequency];
  }
}

template <class Storage, int kLanes>
KVSIM_DEVICE void store_row(const Eight& values, int part, void* pages, gpu::Fp16* scales,
                            std::int64_t row, bool keep) {
  std::uint32_t largest = 0;
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t magnitude = gpu::float_bits(values.x[i]) & 0x7fff'ffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  KVSIM_UNROLL
  for (int mask = kLanes / 2; mask > 0; mask /= 2) {
    const std::uint32_t other = gpu::shfl_xor(largest, mask);
    largest = other > largest ? other : largest;
  }
  if (!keep) return;
  const gpu::Fp16 stored = scale_for<Storage>(largest);
  const float scale = gpu::to_float(stored);
  Eight quotient;
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i)
    quotient.x[i] = scale > 0 ? values.x[i] / scale : 0;  // NaN > 0 is false.
  static_cast<Codes8<Storage>*>(pages)[row * kLanes + part] = encode<Storage>(quotient);
  if (part == 0) scales[row] = stored;
}

/// Element: Bf16 or Fp16, of the rows. Storage: Element itself, E4m3Storage, Int8Storage or
/// Int4Storage. Grid: tokens x groups of rows.
template <class Element, class Storage, int kHeadDim, bool kRotate>
KVSIM_KERNEL append(AppendParams p) {
  constexpr int kLanes = kHeadDim / 8;
  const int part = gpu::thread() % kLanes;
  const int token = gpu::block_x();
  const int row = (gpu::block_y() * gpu::threads() + gpu::thread()) / kLanes;
  const bool is_query = row < p.query_heads;
  const bool is_key = !is_query && row < p.query_heads + p.kv_heads;
  const bool exists = row < p.query_heads + 2 * p.kv_heads;
  const int head = row - (is_query ? 0 : is_key ? p.query_heads : p.query_heads + p.kv_heads);

  const void* rows = is_query ? p.query : is_key ? p.key : p.value;
  const std::int64_t head_piece = static_cast<std::int64_t>(head) * kLanes + part;
  const std::int64_t at = token * p.token_stride + head_piece * 8;
  gpu::Vec16 packed;
  if (exists) packed = gpu::load16(static_cast<const Element*>(rows) + at);
  Eight values = unpack8<Element>(packed);
  if constexpr (kRotate) {
    const float* cos_sin = p.cos_sin + static_cast<std::int64_t>(p.positions[token]) * kHeadDim;
    rotate_pairs<kLanes>(values, part, cos_sin, is_query || is_key);
    packed = pack8<Element>(values);
    if (is_query) gpu::store16(static_cast<Element*>(p.query) + at, packed);
  }

  const std::int32_t slot = p.slots[token];
  const bool keep = exists && !is_query && slot >= 0;
  const std::int64_t page = slot >> p.page_shift;
  const int offset = slot & ((1 << p.page_shift) - 1);
  const std::int64_t pool_row = ((page * p.kv_heads + head) << p.page_shift) + offset;
  void* pages = is_key ? p.key_pages : p.value_pages;
  if constexpr (kIsQuantised<Storage>) {
    gpu::Fp16* scales = is_key ? p.key_scales : p.value_scales;
    store_row<Storage, kLanes>(values, part, pages, scales, pool_row, keep);
  } else {
    static_assert(std::is_same_v<Storage, Element>);
    if (keep) gpu::store16(static_cast<Element*>(pages) + (pool_row * kLanes + part) * 8, packed);
  }
}

/// One launch for all tokens of one layer. Requires tokens > 0.
template <class Element, class Storage, int kHeadDim, bool kRotate = false>
void launch_append(const AppendParams& params, int tokens, gpu::Stream stream = {}) {
  constexpr int kMaxThreads = 128;
  const int lanes = (params.query_heads + 2 * params.kv_heads) * (kHeadDim / 8);
  const int threads = lanes < kMaxThreads ? (lanes + 31) / 32 * 32 : kMaxThreads;
  gpu::launch(&append<Element, Storage, kHeadDim, kRotate>,
              {{tokens, (lanes + threads - 1) / threads, 1}, threads, 0, stream}, params);
}

}  // namespace kvsim
