#pragma once
// Plain text for people: numbers that line up, the same in every locale, in ASCII.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kvsim {

/// "1,234,567"
[[nodiscard]] std::string grouped(std::int64_t n);
/// "1,234.50"; fixed decimals, so that columns can be compared by eye.
[[nodiscard]] std::string grouped(double x, int decimals);
/// A share of 0 to 1 as "96.3 %".
[[nodiscard]] std::string percent(double share);
/// "1 step", "2 steps".
[[nodiscard]] std::string counted(std::int64_t n, const std::string& noun);

/// A field of a CSV file, in quotes where it needs them (RFC 4180).
[[nodiscard]] std::string csv_cell(const std::string& text);
/// What may stand in a cell of a Markdown table.
[[nodiscard]] std::string markdown_cell(const std::string& text);

/// Rows of cells; the first column is flush left, the others flush right, `gap` spaces apart.
using Cells = std::vector<std::vector<std::string>>;
[[nodiscard]] std::string aligned(const Cells& rows, std::size_t gap = 2);

}  // namespace kvsim
