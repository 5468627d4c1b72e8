#pragma once
// Quantisation of one row by its definition (storage.h), in plain C++ and double: what the kernels
// are checked against. Slow; shares no arithmetic with them.

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/gpu/number.h"

namespace kvsim {

enum class KvStorage : std::uint8_t { kE4m3, kInt8, kInt4 };

struct QuantisedRow {
  gpu::Fp16 scale;
  std::vector<std::uint8_t> codes;  ///< As in memory: row size * bits / 8 bytes.
};

/// Requires a row of a multiple of 8 elements.
[[nodiscard]] QuantisedRow quantise(KvStorage storage, std::span<const float> row);
/// The values that the row stands for; exact.
[[nodiscard]] std::vector<float> dequantise(KvStorage storage, const QuantisedRow& row);

}  // namespace kvsim
