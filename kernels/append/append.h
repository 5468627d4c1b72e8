#pragma once
// KV append ("reshape and cache") for a host: new keys and values go from the rows of a projection
// into their slots of the paged pools, quantised on the way if the pools are; optionally queries
// and keys are rotated first (RoPE, GPT-NeoX pairing: dimension d with d + head_dim / 2; arXiv
// 2104.09864), the queries in place.

#include <cstdint>

#include "kernels/formats/kv_element.h"
#include "kernels/gpu/launch.h"

namespace kvsim {

struct AppendKernel {
  KvElement row = KvElement::kBf16;     ///< Of the projection: kBf16 or kFp16.
  KvElement stored = KvElement::kBf16;  ///< The same, or a quantised element.
};

struct AppendArgs {
  // Heads of a token lie one after another; tokens `token_stride` elements apart, a multiple of 8.
  void* query = nullptr;        ///< [tokens, query_heads, head_dim]; rotated in place
  const void* key = nullptr;    ///< [tokens, kv_heads, head_dim]; left as it is
  const void* value = nullptr;  ///< as key
  std::int64_t token_stride = 0;
  /// [tokens]: page * page_tokens + offset; negative: nothing is kept of this token (padding).
  const std::int32_t* slots = nullptr;
  void* k = nullptr;         ///< [pages, kv_heads, page_tokens, head_dim] stored elements
  void* v = nullptr;         ///< as k
  void* k_scales = nullptr;  ///< [pages, kv_heads, page_tokens] fp16, quantised pools only
  void* v_scales = nullptr;  ///< as k_scales

  // Rotation. A null cos_sin: none, and no queries.
  const float* cos_sin = nullptr;           ///< [positions, head_dim]: cosines, then sines
  const std::int32_t* positions = nullptr;  ///< [tokens]
  std::int32_t query_heads = 0;

  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;    ///< 16, 32, 64, 128 or 256
  std::int32_t page_shift = 0;  ///< page_tokens = 1 << page_shift
};

/// Queues one layer's append of a step's tokens. Throws std::invalid_argument, in one line, where
/// there is no such kernel.
void launch_append(const AppendKernel& kernel, const AppendArgs& args, int tokens,
                   gpu::Stream stream);

}  // namespace kvsim
