#include "workloads/csv_table.h"

#include <algorithm>

#include "sim/core/spelling.h"

namespace kvsim {
namespace {

constexpr std::string_view kBlanks = " \t";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Where the cell that starts at `from` ends: at the next comma outside quotes.
std::size_t cell_end(std::string_view line, std::size_t from) {
  bool quoted = false;
  std::size_t i = from;
  for (; i < line.size() && (quoted || line[i] != ','); ++i)
    if (line[i] == '"') quoted = !quoted;
  return i;
}

}  // namespace

void CsvTable::split(std::string_view line, std::vector<Cell>& cells) {
  cells.clear();
  for (std::size_t from = 0; from <= line.size();) {
    const std::size_t end = cell_end(line, from);
    std::size_t first = from;
    std::size_t last = end;
    while (first < last && kBlanks.find(line[first]) != std::string_view::npos) ++first;
    while (first < last && kBlanks.find(line[last - 1]) != std::string_view::npos) --last;
    if (last - first >= 2 && line[first] == '"' && line[last - 1] == '"') {
      ++first;
      --last;
    }
    cells.push_back({first + 1, line.substr(first, last - first)});
    from = end + 1;
  }
}

std::vector<std::string> csv_names(std::string_view header) {
  std::vector<CsvTable::Cell> cells;
  CsvTable::split(header, cells);
  std::vector<std::string> names;
  names.reserve(cells.size());
  for (const auto& cell : cells) {
    std::string name(cell.text);
    std::transform(name.begin(), name.end(), name.begin(), lower);
    names.push_back(std::move(name));
  }
  return names;
}

bool csv_has(std::string_view header, const std::vector<std::string>& wanted) {
  const std::vector<std::string> names = csv_names(header);
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

CsvTable::CsvTable(TextInput& input) : input_(input) {
  std::string_view header;
  if (!input_.next(header)) input_.fail(1, "expected a header line, got an empty file");
  names_ = csv_names(header);
  split(header, cells_);
  for (const Cell& cell : cells_) titles_.emplace_back(cell.text);
}

bool CsvTable::has(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end())
    input_.fail(1, fmt::format("no column '{}'; columns here: {}{}", name, joined(titles_),
                               did_you_mean(name, names_)));
  return static_cast<std::size_t>(found - names_.begin());
}

bool CsvTable::next() {
  std::string_view line;
  if (!input_.next(line)) return false;
  split(line, cells_);
  if (cells_.size() != names_.size())
    input_.fail(1, fmt::format("expected {} columns, got {}", names_.size(), cells_.size()));
  return true;
}

FieldText CsvTable::cell(std::size_t column) const {
  return {&input_, cells_[column].column, titles_[column], cells_[column].text};
}

}  // namespace kvsim
