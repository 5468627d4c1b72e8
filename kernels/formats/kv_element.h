#pragma once
// What an element of a KV cache is stored as.

#include <cstdint>

namespace kvsim {

/// kE4m3, kInt8 and kInt4 have an fp16 scale per token and head: storage.h.
enum class KvElement : std::uint8_t { kBf16, kFp16, kE4m3, kInt8, kInt4 };

[[nodiscard]] constexpr bool is_quantised(KvElement element) {
  return element != KvElement::kBf16 && element != KvElement::kFp16;
}
[[nodiscard]] constexpr int bits_of(KvElement element) {
  if (!is_quantised(element)) return 16;
  return element == KvElement::kInt4 ? 4 : 8;
}

}  // namespace kvsim
