#pragma once
// Quantisation inside a kernel: a lane holds 8 neighbours of a row. Storage: storage.h.

#include <cstdint>

#include "kernels/formats/eight.cuh"
#include "kernels/formats/storage.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {

/// The scale of a row whose largest magnitude has these float bits (as integers, magnitudes order
/// as their values, infinities and NaNs last). The products are exact: 11 bits times at most 7.
template <class Storage>
KVSIM_DEVICE gpu::Fp16 scale_for(std::uint32_t largest_bits) {
  const float largest = gpu::bits_float(largest_bits);
  constexpr auto kLargest = static_cast<float>(Storage::kLargest);
  if (!(largest <= 65504.f * kLargest)) return {0x7e00};
  gpu::Fp16 scale = gpu::from_float<gpu::Fp16>(largest / kLargest);
  if (gpu::to_float(scale) * kLargest < largest) ++scale.bits;
  return scale;
}

/// The integer nearest to `value` (ties to even) plus a bias, in the low bits: 1.5 * 2^23 has the
/// unit as its last place.
KVSIM_DEVICE std::uint32_t biased_integer(float value, int bias) {
  return gpu::float_bits(value + (0x1.8p23f + static_cast<float>(bias)));
}

/// 8 codes, as they lie in memory; aligned for one store.
template <class Storage>
struct alignas(Storage::kBits) Codes8 {
  static constexpr int kWords = 8 * Storage::kBits / 32;
  std::uint32_t word[kWords] = {};
};

/// Codes of 8 quotients value / scale.
template <class Storage>
KVSIM_DEVICE Codes8<Storage> encode(const Eight& quotient);

template <>
KVSIM_DEVICE Codes8<E4m3Storage> encode(const Eight& quotient) {
  Codes8<E4m3Storage> codes = {};
  KVSIM_UNROLL
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t pair = gpu::narrow_e4m3(quotient.x[2 * i], quotient.x[2 * i + 1]);
    codes.word[i / 2] |= pair << (16 * (i % 2));
  }
  return codes;
}

template <>
KVSIM_DEVICE Codes8<Int8Storage> encode(const Eight& quotient) {
  Codes8<Int8Storage> codes = {};
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i)
    codes.word[i / 4] |= (biased_integer(quotient.x[i], Int8Storage::kBias) & 0xffu)
                         << (8 * (i % 4));
  return codes;
}

template <>
KVSIM_DEVICE Codes8<Int4Storage> encode(const Eight& quotient) {
  Codes8<Int4Storage> codes = {};
  KVSIM_UNROLL
  for (int i = 0; i < 8; ++i)
    codes.word[0] |= (biased_integer(quotient.x[i], Int4Storage::kBias) & 0xfu) << int4_shift(i);
  return codes;
}

}  // namespace kvsim
