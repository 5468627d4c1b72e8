#pragma once
// Quantisation of one row by its definition (storage.h), in plain C++ and double: what the kernels
// are checked against. Slow; shares no arithmetic with them.

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/formats/kv_element.h"
#include "kernels/gpu/number.h"

namespace kvsim {

struct QuantisedRow {
  gpu::Fp16 scale;
  std::vector<std::uint8_t> codes;  ///< As in memory: row size * bits / 8 bytes.
};

/// Requires a quantised element and a row of a multiple of 8 of them.
[[nodiscard]] QuantisedRow quantise(KvElement element, std::span<const float> row);
/// The values that the row stands for; exact.
[[nodiscard]] std::vector<float> dequantise(KvElement element, const QuantisedRow& row);

}  // namespace kvsim
