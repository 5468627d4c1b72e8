#pragma once
// A warp's ring of KV tiles in shared memory, filled ahead by asynchronous copies.
//
// A stage holds 16 tokens of K and of V. Rows are cut into chunks of 16 bytes, and chunk c of row r
// is stored at c xor r (modulo the chunks in 128 bytes), so that the 8 rows one ldmatrix reads lie
// in different banks. The warp that copies a stage is the one that reads it: no thread block
// barrier is ever needed, only the warp's own.

#include "kernels/gpu/gpu.h"

namespace kvsim {

inline constexpr int kWarpTokens = 16;  ///< Of each tile, what one warp takes.
inline constexpr int kHalfTokens = 8;   ///< That lie together in a page.

/// The bytes of one stage's K or V.
template <int kRowBytes>
struct TokenRows {
  static constexpr int kChunks = kRowBytes / 16;
  static_assert(kChunks >= 2 && (kChunks & (kChunks - 1)) == 0);

  alignas(128) unsigned char bytes[kWarpTokens * kRowBytes];

  KVSIM_DEVICE unsigned char* at(int row, int chunk) {
    constexpr int kLineChunks = kChunks < 8 ? kChunks : 8;
    constexpr int kLineRows = 8 / kLineChunks;
    return bytes + row * kRowBytes + (chunk ^ (row / kLineRows % kLineChunks)) * 16;
  }
};

/// A scale per token; nothing for formats without.
template <bool kScaled>
struct TokenScales {
  alignas(16) std::uint32_t pair[kWarpTokens / 2];  ///< fp16 of tokens 2i and 2i + 1.
};
template <>
struct TokenScales<false> {};

template <class Format, int kDim>
struct TileStage {
  static constexpr int kRowBytes = kDim * Format::kBits / 8;
  TokenRows<kRowBytes> k;
  TokenRows<kRowBytes> v;
  TokenScales<Format::kScaled> k_scales;
  TokenScales<Format::kScaled> v_scales;
};

/// What a warp is about to copy: which of 16 tokens are visible, and their two halves' rows.
struct TokenRun {
  std::uint32_t visible = 0;  ///< Bit i: token i. Invisible ones are not read; zeros stand there.
  int row[2] = {};
};

/// Starts this lane's share of copying 16 rows.
template <int kRowBytes>
KVSIM_DEVICE void copy_rows(TokenRows<kRowBytes>& to, const void* pool, const TokenRun& run) {
  using Rows = TokenRows<kRowBytes>;
  KVSIM_UNROLL
  for (int i = 0; i < kWarpTokens * Rows::kChunks / gpu::kWarpThreads; ++i) {
    const int index = i * gpu::kWarpThreads + gpu::lane();
    const int token = index / Rows::kChunks;
    const int chunk = index % Rows::kChunks;
    const int half = token / kHalfTokens;
    const auto row =
        static_cast<std::int64_t>(half == 0 ? run.row[0] : run.row[1]) + token % kHalfTokens;
    gpu::cp_async16(to.at(token, chunk),
                    static_cast<const unsigned char*>(pool) + row * kRowBytes + chunk * 16,
                    (run.visible >> token & 1u) != 0);
  }
}

/// The same for their scales: 8 tokens' are 16 bytes. Whole halves are read, invisible tokens' too.
template <bool kScaled>
KVSIM_DEVICE void copy_scales(TokenScales<kScaled>& to, const void* pool, const TokenRun& run) {
  if constexpr (kScaled) {
    const int half = gpu::lane();
    if (half < 2)
      gpu::cp_async16(to.pair + half * kHalfTokens / 2,
                      static_cast<const gpu::Fp16*>(pool) + (half == 0 ? run.row[0] : run.row[1]),
                      (run.visible >> (half * kHalfTokens) & 0xffu) != 0);
  }
}

}  // namespace kvsim
