#pragma once
// Comma-separated rows under a header line (RFC 4180, without line breaks inside quotes).
//
// Columns are found by name, so their order and any further ones do not matter. Cells and names
// are trimmed; names are compared without regard to case.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/field_text.h"

namespace kvsim {

/// The column names of a header line, trimmed and in lower case.
[[nodiscard]] std::vector<std::string> csv_names(std::string_view header);
/// True if `header` names all of `wanted`.
[[nodiscard]] bool csv_has(std::string_view header, const std::vector<std::string>& wanted);

class CsvTable {
 public:
  /// Reads the header: the next line of `input`.
  explicit CsvTable(TextInput& input);

  /// Number of the column called `name` (lower case). Throws InputError if there is none.
  [[nodiscard]] std::size_t column(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// Moves to the next row; false at the end. A row must have as many cells as the header.
  [[nodiscard]] bool next();
  /// The cell of the current row in `column`.
  [[nodiscard]] FieldText cell(std::size_t column) const;

 private:
  struct Cell {
    std::size_t column;  // of its first character, from 1
    std::string_view text;
  };
  static void split(std::string_view line, std::vector<Cell>& cells);
  friend std::vector<std::string> csv_names(std::string_view header);

  TextInput& input_;
  std::vector<std::string> names_;   ///< To find them by.
  std::vector<std::string> titles_;  ///< As written, for errors.
  std::vector<Cell> cells_;
};

}  // namespace kvsim
