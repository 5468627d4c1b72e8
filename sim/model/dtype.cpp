#include "sim/model/dtype.h"

#include <array>

namespace kvsim {
namespace {

struct Row {
  DType type;
  std::string_view word;
};
constexpr std::array kRows{Row{DType::kBf16, "bf16"}, Row{DType::kFp16, "fp16"},
                           Row{DType::kFp8, "fp8"}, Row{DType::kInt8, "int8"},
                           Row{DType::kInt4, "int4"},
                           // vLLM's words for both kinds of fp8: as large and as fast.
                           Row{DType::kFp8, "fp8_e4m3"}, Row{DType::kFp8, "fp8_e5m2"}};

}  // namespace

std::string_view word_of(DType type) {
  for (const Row& row : kRows)
    if (row.type == type) return row.word;
  return "";
}

std::optional<DType> dtype_of(std::string_view word) {
  for (const Row& row : kRows)
    if (row.word == word) return row.type;
  return std::nullopt;
}

std::vector<std::string> dtype_words() {
  std::vector<std::string> words{"auto"};
  for (const Row& row : kRows) words.emplace_back(row.word);
  return words;
}

}  // namespace kvsim
