#pragma once
// KV elements of 8 bits as operands of fp16 products (the seam is described in sixteen_bit.cuh).
// fp16 holds every e4m3 and every int8 exactly. e4m3 products of the tensor cores themselves would
// need V transposed in memory and would round probabilities to 4 bits.
//
// A word from ldmatrix is 4 neighbouring dims of a token or, transposed, 2 dims of 2 tokens.

#include "kernels/formats/storage.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {

/// Two bytes of a word as two fp16. kUnit: a power of two near the largest code.
struct E4m3Codes {
  static constexpr float kUnit = 256;

  template <unsigned kLow, unsigned kHigh>
  KVSIM_DEVICE static std::uint32_t pair(std::uint32_t word) {
    return gpu::widen_e4m3(static_cast<std::uint16_t>(gpu::permute(word, 0, kHigh << 4 | kLow)));
  }
};
struct Int8Codes {
  static constexpr float kUnit = 128;

  /// Byte u below byte 0x64 is the fp16 1024 + u; u is the code + 128.
  template <unsigned kLow, unsigned kHigh>
  KVSIM_DEVICE static std::uint32_t pair(std::uint32_t word) {
    static_assert(Int8Storage::kBias == 128);
    constexpr std::uint32_t kOne = 0x3c00'3c00;
    constexpr std::uint32_t kMinus1152 = 0xe480'e480;
    const std::uint32_t biased = gpu::permute(word, 0x6464'6464, 0x4040u | kHigh << 8 | kLow);
    return gpu::fma2<gpu::Fp16>(biased, kOne, kMinus1152);
  }
};

template <class Element, class Codes>
struct EightBit {
  using Query = Element;
  using Operand = gpu::Fp16;
  static constexpr int kBits = 8;
  static constexpr int kSteps = 2;
  static constexpr bool kScaled = true;
  static constexpr float kCodeUnit = Codes::kUnit;

  KVSIM_DEVICE static void keys(const std::uint32_t (&words)[4], std::uint32_t (&b)[kSteps][2][2]) {
    KVSIM_UNROLL
    for (int half = 0; half < 2; ++half) KVSIM_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      b[step][half][0] = Codes::template pair<0, 1>(words[2 * half + step]);
      b[step][half][1] = Codes::template pair<2, 3>(words[2 * half + step]);
    }
  }
  KVSIM_DEVICE static void values(const std::uint32_t (&words)[4], std::uint32_t (&a)[kSteps][4]) {
    KVSIM_UNROLL
    for (int half = 0; half < 2; ++half) KVSIM_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      a[step][2 * half] = Codes::template pair<0, 2>(words[2 * half + step]);
      a[step][2 * half + 1] = Codes::template pair<1, 3>(words[2 * half + step]);
    }
  }
  /// Lane t's places 2t, 2t + 1, 2t + 8 and 2t + 9 are dims 4t .. 4t + 3.
  KVSIM_HOST_DEVICE static constexpr int key_dim(int step, int k) {
    return step * 16 + k % 8 / 2 * 4 + k / 8 * 2 + k % 2;
  }
  /// Rows g and g + 8 are dims 2g and 2g + 1.
  KVSIM_HOST_DEVICE static constexpr int value_dim(int step, int m) {
    return step * 16 + m % 8 * 2 + m / 8;
  }
};

}  // namespace kvsim
