#pragma once
// int4 KV elements as operands of fp16 products (the seam is described in sixteen_bit.cuh; the
// order of nibbles in storage.h): 8 codes of a word cost 4 LOP3, 1 shift and 4 FMA.
//
// A word from ldmatrix is 8 neighbouring dims of a token or, transposed, 4 dims of 2 tokens; either
// way the nibbles i of its two halves belong together.

#include "kernels/formats/storage.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {

/// The two nibbles `i` of a word's halves as two fp16 codes. Under the mantissa of 1024 the nibble
/// u at bit 0 reads 1024 + u and at bit 4 reads 1024 + 16 u; u is the code + 8.
template <int i>
KVSIM_DEVICE std::uint32_t int4_pair(std::uint32_t word) {
  static_assert(Int4Storage::kBias == 8);
  constexpr unsigned kAndOr = 0xea;  // (a & b) | c
  constexpr std::uint32_t k1024 = 0x6400'6400;
  const std::uint32_t shifted = i < 2 ? word : word >> 8;
  if constexpr (i % 2 == 0) {
    constexpr std::uint32_t kOne = 0x3c00'3c00;
    constexpr std::uint32_t kMinus1032 = 0xe408'e408;
    const std::uint32_t biased = gpu::logic<kAndOr>(shifted, 0x000f'000fu, k1024);
    return gpu::fma2<gpu::Fp16>(biased, kOne, kMinus1032);
  } else {
    constexpr std::uint32_t kSixteenth = 0x2c00'2c00;
    constexpr std::uint32_t kMinus72 = 0xd480'd480;
    const std::uint32_t biased = gpu::logic<kAndOr>(shifted, 0x00f0'00f0u, k1024);
    return gpu::fma2<gpu::Fp16>(biased, kSixteenth, kMinus72);
  }
}

template <class Element>
struct FourBit {
  using Query = Element;
  using Operand = gpu::Fp16;
  static constexpr int kBits = 4;
  static constexpr int kSteps = 4;
  static constexpr bool kScaled = true;
  static constexpr float kCodeUnit = 8;

  KVSIM_DEVICE static void keys(const std::uint32_t (&words)[4], std::uint32_t (&b)[kSteps][2][2]) {
    KVSIM_UNROLL
    for (int half = 0; half < 2; ++half) KVSIM_UNROLL
    for (int chunk = 0; chunk < 2; ++chunk) {
      const std::uint32_t word = words[2 * half + chunk];
      b[2 * chunk][half][0] = int4_pair<0>(word);
      b[2 * chunk][half][1] = int4_pair<1>(word);
      b[2 * chunk + 1][half][0] = int4_pair<2>(word);
      b[2 * chunk + 1][half][1] = int4_pair<3>(word);
    }
  }
  KVSIM_DEVICE static void values(const std::uint32_t (&words)[4], std::uint32_t (&a)[kSteps][4]) {
    KVSIM_UNROLL
    for (int half = 0; half < 2; ++half) KVSIM_UNROLL
    for (int chunk = 0; chunk < 2; ++chunk) {
      const std::uint32_t word = words[2 * half + chunk];
      a[2 * chunk][2 * half] = int4_pair<0>(word);
      a[2 * chunk][2 * half + 1] = int4_pair<1>(word);
      a[2 * chunk + 1][2 * half] = int4_pair<2>(word);
      a[2 * chunk + 1][2 * half + 1] = int4_pair<3>(word);
    }
  }
  /// Nibbles i of lane t's key word are dims 8t + 2i and 8t + 2i + 1: places 2t and 2t + 1 of the
  /// sum, 8 further for odd i. Step: two per chunk of 32 dims.
  KVSIM_HOST_DEVICE static constexpr int key_dim(int step, int k) {
    const int nibble = step % 2 * 2 + k / 8;
    return step / 2 * 32 + k % 8 / 2 * 8 + nibble * 2 + k % 2;
  }
  /// Nibble i of lane g's 16 bits of V: half of a word, so half of its pairs.
  KVSIM_HOST_DEVICE static constexpr int value_dim(int step, int m) { return key_dim(step, m); }
};

}  // namespace kvsim
