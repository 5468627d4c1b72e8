#pragma once
// How a number is stored: the element types of weights and of the KV cache.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvsim {

enum class DType : std::uint8_t { kBf16, kFp16, kFp8, kInt8, kInt4 };

[[nodiscard]] constexpr std::int64_t bits_of(DType type) {
  switch (type) {
    case DType::kBf16:
    case DType::kFp16:
      return 16;
    case DType::kFp8:
    case DType::kInt8:
      return 8;
    case DType::kInt4:
      return 4;
  }
  return 16;
}
[[nodiscard]] constexpr bool is_quantised(DType type) { return bits_of(type) < 16; }

[[nodiscard]] std::string_view word_of(DType type);  ///< "bf16", "fp8", ...
[[nodiscard]] std::optional<DType> dtype_of(std::string_view word);
[[nodiscard]] std::vector<std::string> dtype_words();  ///< "auto" first; fp8 has three.

}  // namespace kvsim
