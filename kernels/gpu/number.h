#pragma once
// Element types of tensors, as bits, with the conversions a host needs; the same for both
// compilers. Rounding is to nearest, ties to even.
//
// Formats: bfloat16 is the upper half of a float; fp16 is IEEE 754 binary16; e4m3 is the OCP 8-bit
// format (arXiv 2209.05433): no infinities, one NaN per sign, largest 448, and from_float saturates
// as cvt.rn.satfinite does.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/gpu/macros.h"

namespace kvsim::gpu {

struct Bf16 {
  std::uint16_t bits = 0;
};
struct Fp16 {
  std::uint16_t bits = 0;
};
struct E4m3 {
  std::uint8_t bits = 0;
};

KVSIM_HOST_DEVICE std::uint32_t float_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
KVSIM_HOST_DEVICE float bits_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The magnitude bits of the nearest number with kMantissa stored bits and exponent bias kBias;
/// more exponents than the format has are the caller's business. Requires a finite float.
template <int kMantissa, int kBias>
KVSIM_HOST_DEVICE std::uint32_t round_magnitude(float value) {
  const std::uint32_t bits = float_bits(value) & 0x7fff'ffffu;
  constexpr std::uint32_t kLeastNormal = (127u + 1u - kBias) << 23;
  if (bits < kLeastNormal) {  // Subnormal: a multiple of 2^(1 - bias - mantissa).
    const float steps = bits_float(bits) * bits_float((127u + kBias - 1u + kMantissa) << 23);
    return static_cast<std::uint32_t>(std::rint(steps));
  }
  constexpr int kDropped = 23 - kMantissa;
  const std::uint32_t half_less = (1u << (kDropped - 1)) - 1u + ((bits >> kDropped) & 1u);
  return ((bits + half_less) >> kDropped) - ((127u - kBias) << kMantissa);
}

KVSIM_HOST_DEVICE bool is_nan_bits(float value) {
  return (float_bits(value) & 0x7fff'ffffu) > 0x7f80'0000u;
}
KVSIM_HOST_DEVICE std::uint32_t sign_bit(float value) { return float_bits(value) >> 31; }

template <class Element>
KVSIM_HOST_DEVICE Element from_float(float value);

template <>
KVSIM_HOST_DEVICE Bf16 from_float<Bf16>(float value) {
  const std::uint32_t bits = float_bits(value);
  if (is_nan_bits(value)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}
template <>
KVSIM_HOST_DEVICE Fp16 from_float<Fp16>(float value) {
  const std::uint32_t sign = sign_bit(value) << 15;
  if (is_nan_bits(value)) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  const bool huge = (float_bits(value) & 0x7fff'ffffu) >= 0x4780'0000u;  // 65536
  const std::uint32_t magnitude = huge ? 0x7c00u : round_magnitude<10, 15>(value);
  return {static_cast<std::uint16_t>(sign | magnitude)};
}
template <>
KVSIM_HOST_DEVICE E4m3 from_float<E4m3>(float value) {
  const std::uint32_t sign = sign_bit(value) << 7;
  if (is_nan_bits(value)) return {static_cast<std::uint8_t>(sign | 0x7fu)};
  const bool huge = (float_bits(value) & 0x7fff'ffffu) >= 0x43e0'0000u;  // 448
  const std::uint32_t magnitude = huge ? 0x7eu : round_magnitude<3, 7>(value);
  return {static_cast<std::uint8_t>(sign | magnitude)};
}

KVSIM_HOST_DEVICE float to_float(Bf16 value) {
  return bits_float(static_cast<std::uint32_t>(value.bits) << 16);
}
KVSIM_HOST_DEVICE float to_float(Fp16 value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = value.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return bits_float(sign | 0x7f80'0000u | (magnitude & 0x3ffu) << 13);
  if (magnitude < 0x400u)
    return bits_float(sign | float_bits(static_cast<float>(magnitude) * 0x1p-24f));
  return bits_float(sign | ((magnitude << 13) + (112u << 23)));
}
KVSIM_HOST_DEVICE float to_float(E4m3 value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x80u) << 24;
  const std::uint32_t magnitude = value.bits & 0x7fu;
  if (magnitude == 0x7fu) return bits_float(sign | 0x7fc0'0000u);
  if (magnitude < 0x8u)
    return bits_float(sign | float_bits(static_cast<float>(magnitude) * 0x1p-9f));
  return bits_float(sign | ((magnitude << 20) + (120u << 23)));
}

}  // namespace kvsim::gpu
