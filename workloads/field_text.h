#pragma once
// One value of a trace as written, and where: what every reader turns into numbers.
//
// Each reader function either gives a value in range or throws InputError as
// "x.csv:1734:12: output_tokens: expected an integer, got '12a'".

#include <cstdint>
#include <string_view>

#include "sim/core/units.h"
#include "workloads/text_input.h"

namespace kvsim {

struct FieldText {
  const TextInput* input;
  std::size_t column;  ///< Of its first character, from 1.
  std::string_view name;
  std::string_view text;

  [[noreturn]] void fail(std::string_view expected) const;
};

/// No prompt or answer is longer; a longer one in a file is a broken file.
inline constexpr std::int64_t kLongestText = std::int64_t{1} << 31;

/// A whole number in [low, high]. "12.0" is one (spreadsheets and pandas write it so).
[[nodiscard]] std::int64_t read_integer(const FieldText& field, std::int64_t low,
                                        std::int64_t high);
/// A length in tokens: [1, kLongestText].
[[nodiscard]] std::int64_t read_length(const FieldText& field);
/// A number of `unit`s, not negative, to the nanosecond: decimals are not rounded through double.
[[nodiscard]] Duration read_duration(const FieldText& field, Duration unit);

}  // namespace kvsim
