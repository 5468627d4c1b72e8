#include "workloads/field_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

namespace kvsim {
namespace {

__extension__ using Wide = __int128;

// What is shown of a wrong value: one short line, whatever is in the file.
std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string clean(text.substr(0, kLongest));
  for (char& c : clean)
    if (c < ' ' || c > '~') c = '?';
  return text.size() > kLongest ? clean + "..." : clean;
}

struct Decimal {
  Wide scaled = 0;  // value * 10^decimals
  int decimals = 0;
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// digits[.digits]; nothing for any other shape. Ten decimals are kept: nine are nanoseconds of a
// second, one rounds. 18 + 10 digits times a unit of 10^9 still fit 128 bits.
std::optional<Decimal> plain_decimal(std::string_view text) {
  constexpr std::size_t kMostWholeDigits = 18;
  constexpr int kMostDecimals = 10;
  const std::size_t whole = std::min(text.find('.'), text.size());
  if (whole == 0 || whole > kMostWholeDigits || whole + 1 == text.size()) return std::nullopt;
  Decimal value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == whole) continue;
    if (!is_digit(text[i])) return std::nullopt;
    if (i > whole && value.decimals++ >= kMostDecimals) continue;
    value.scaled = value.scaled * 10 + (text[i] - '0');
  }
  value.decimals = std::min(value.decimals, kMostDecimals);
  return value;
}

std::optional<double> any_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  const std::optional<double> number = any_number(text);
  constexpr double kExact = 9007199254740992.0;  // 2^53: above it doubles skip whole numbers
  if (!number || std::abs(*number) > kExact || *number != std::trunc(*number)) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::int64_t> nanoseconds(std::string_view text, Duration unit) {
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max() / 2;
  if (const std::optional<Decimal> decimal = plain_decimal(text)) {
    Wide ns = decimal->scaled * unit.count();
    Wide divisor = 1;
    for (int i = 0; i < decimal->decimals; ++i) divisor *= 10;
    ns = (ns + divisor / 2) / divisor;
    if (ns > kLast) return std::nullopt;
    return static_cast<std::int64_t>(ns);
  }
  const std::optional<double> number = any_number(text);
  if (!number || *number < 0) return std::nullopt;
  const double ns = *number * static_cast<double>(unit.count());
  if (ns > static_cast<double>(kLast)) return std::nullopt;
  return std::llround(ns);
}

}  // namespace

void FieldText::fail(std::string_view expected) const {
  input->fail(column, fmt::format("{}: expected {}, got '{}'", name, expected, shown(text)));
}

std::int64_t read_integer(const FieldText& field, std::int64_t low, std::int64_t high) {
  const std::optional<std::int64_t> value = whole_number(field.text);
  if (!value) field.fail("an integer");
  if (*value < low || *value > high) field.fail(fmt::format("{} to {}", low, high));
  return *value;
}

std::int64_t read_length(const FieldText& field) { return read_integer(field, 1, kLongestText); }

Duration read_duration(const FieldText& field, Duration unit) {
  const std::optional<std::int64_t> ns = nanoseconds(field.text, unit);
  if (!ns) field.fail("a time that is not negative");
  return Duration(*ns);
}

}  // namespace kvsim
