#include "reports/html/map_cells.h"

#include <algorithm>
#include <string_view>

namespace kvsim {
namespace {

using Patch = MemoryMap::Patch;

char letter_of(MemoryMap::Spent spent) {
  switch (spent) {
    case MemoryMap::Spent::kUsed:
      return 'U';
    case MemoryMap::Spent::kReserved:
      return 'R';
    case MemoryMap::Spent::kInternal:
      return 'I';
    case MemoryMap::Spent::kExternal:
      return 'E';
    case MemoryMap::Spent::kCached:
      return 'C';
    case MemoryMap::Spent::kFree:
      break;
  }
  return 'F';
}

char digit_of(std::uint32_t n) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  return kDigits[std::min<std::size_t>(n, kDigits.size() - 1)];
}

void append(const Patch& patch, const AgeOf& age_of, MapCells& cells) {
  cells.spent += letter_of(patch.spent);
  cells.users += digit_of(patch.users);
  cells.hits += digit_of(patch.hits);
  cells.owner.push_back(id_or_nobody(patch.owner));
  cells.age_ms.push_back(patch.last_used == 0 ? -1 : age_of(patch.last_used));
}

}  // namespace

CellGrid CellGrid::over(const std::vector<Patch>& patches, Tokens block, Tokens apart) {
  CellGrid grid;
  grid.block = block;
  Tokens slots;
  for (const Patch& patch : patches) slots += patch.slots;
  grid.blocks = slots / block;
  grid.blocks_per_cell = std::max<std::int64_t>(1, (grid.blocks + kMostCells - 1) / kMostCells);
  if (!patches.empty()) grid.first_block = Tokens(patches.front().first_slot) / apart;
  return grid;
}

// Patches lie one after the other, whatever their addresses: a cell shows what its first slot is
// in.
MapCells cells_of(const MemoryMap& map, const CellGrid& grid, const AgeOf& age_of) {
  MapCells cells;
  const Tokens step = grid.block * grid.blocks_per_cell;
  Tokens next, end;
  for (const Patch& patch : map.patches) {
    end += patch.slots;
    for (; next < end; next += step) append(patch, age_of, cells);
  }
  return cells;
}

}  // namespace kvsim
