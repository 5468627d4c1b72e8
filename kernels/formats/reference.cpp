#include "kernels/formats/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/formats/storage.h"

namespace kvsim {
namespace {

using gpu::E4m3;
using gpu::Fp16;

constexpr unsigned kFp16Infinity = 0x7c00;
constexpr unsigned kE4m3Nan = 0x7f;

int largest_code(KvElement element) {
  switch (element) {
    case KvElement::kE4m3:
      return E4m3Storage::kLargest;
    case KvElement::kInt8:
      return Int8Storage::kLargest;
    case KvElement::kInt4:
      return Int4Storage::kLargest;
    default:
      return 0;
  }
}

/// By binary search: bits of positive fp16 numbers are in the order of their values.
Fp16 scale_of(KvElement element, std::span<const float> row) {
  const Fp16 poisoned{0x7e00};
  double largest = 0;
  for (const float value : row) {
    if (!std::isfinite(value)) return poisoned;
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  unsigned low = 0;
  unsigned high = kFp16Infinity;
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    const double scale = gpu::to_float(Fp16{static_cast<std::uint16_t>(middle)});
    if (scale * largest_code(element) >= largest) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low == kFp16Infinity ? poisoned : Fp16{static_cast<std::uint16_t>(low)};
}

/// The nearest of all codes; of two, the even one.
std::uint8_t nearest_e4m3(double value) {
  unsigned best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  for (unsigned code = 0; code < kE4m3Nan; ++code) {
    const double distance =
        std::abs(gpu::to_float(E4m3{static_cast<std::uint8_t>(code)}) - std::abs(value));
    if (distance < best_distance || (distance == best_distance && code % 2 == 0)) {
      best = code;
      best_distance = distance;
    }
  }
  return static_cast<std::uint8_t>(best | (std::signbit(value) ? 0x80u : 0u));
}

/// nearbyint: to nearest, ties to even, the default rounding.
std::uint8_t nearest_integer(double value, int bias) {
  return static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(value)) + bias);
}

}  // namespace

QuantisedRow quantise(KvElement element, std::span<const float> row) {
  QuantisedRow result{scale_of(element, row), {}};
  const double scale = gpu::to_float(result.scale);
  result.codes.resize(element == KvElement::kInt4 ? row.size() / 2 : row.size());
  for (std::size_t dim = 0; dim < row.size(); ++dim) {
    const double quotient = scale > 0 ? row[dim] / scale : 0;  // Poisoned and zero rows: code 0.
    if (element == KvElement::kE4m3) {
      result.codes[dim] = nearest_e4m3(quotient);
    } else if (element == KvElement::kInt8) {
      result.codes[dim] = nearest_integer(quotient, Int8Storage::kBias);
    } else {
      const int shift = int4_shift(static_cast<int>(dim));
      std::uint8_t& byte = result.codes[dim / 8 * 4 + static_cast<std::size_t>(shift / 8)];
      byte = static_cast<std::uint8_t>(byte | nearest_integer(quotient, Int4Storage::kBias)
                                                  << (shift % 8));
    }
  }
  return result;
}

std::vector<float> dequantise(KvElement element, const QuantisedRow& row) {
  const float scale = gpu::to_float(row.scale);
  std::vector<float> values(element == KvElement::kInt4 ? row.codes.size() * 2 : row.codes.size());
  for (std::size_t dim = 0; dim < values.size(); ++dim) {
    if (element == KvElement::kE4m3) {
      values[dim] = scale * gpu::to_float(E4m3{row.codes[dim]});
    } else if (element == KvElement::kInt8) {
      values[dim] = scale * static_cast<float>(row.codes[dim] - Int8Storage::kBias);
    } else {
      const int shift = int4_shift(static_cast<int>(dim));
      const int byte = row.codes[dim / 8 * 4 + static_cast<std::size_t>(shift / 8)];
      values[dim] = scale * static_cast<float>((byte >> (shift % 8) & 0xf) - Int4Storage::kBias);
    }
  }
  return values;
}

}  // namespace kvsim
