// A memory map as cells: which block each shows.
#include "reports/html/map_cells.h"

#include <gtest/gtest.h>

namespace kvsim {
namespace {

using Spent = MemoryMap::Spent;

MemoryMap::Patch patch(std::int64_t first, std::int64_t slots, Spent spent) {
  MemoryMap::Patch p;
  p.first_slot = first;
  p.slots = Tokens(slots);
  p.spent = spent;
  return p;
}

std::int64_t ten_minus(std::uint64_t tick) { return 10 - static_cast<std::int64_t>(tick); }

TEST(MapCells, ShowEveryBlockOfASmallMemory) {
  // Blocks 1 to 4 of 16 slots: used and shared, cached, free, free.
  MemoryMap map;
  map.patches = {patch(16, 16, Spent::kUsed), patch(32, 16, Spent::kCached),
                 patch(48, 32, Spent::kFree)};
  map.patches[0].owner = 7;
  map.patches[0].users = 40;
  map.patches[1].owner = 8;
  map.patches[1].hits = 10;
  map.patches[1].last_used = 4;
  const CellGrid grid = CellGrid::over(map.patches, Tokens(16), Tokens(16));
  EXPECT_EQ(grid.blocks, 4);
  EXPECT_EQ(grid.blocks_per_cell, 1);
  EXPECT_EQ(grid.first_block, 1);
  const MapCells cells = cells_of(map, grid, ten_minus);
  EXPECT_EQ(cells.spent, "UCFF");
  EXPECT_EQ(cells.users, "z000") << "35 and more";
  EXPECT_EQ(cells.hits, "0a00");
  EXPECT_EQ(cells.owner, (std::vector<std::int64_t>{7, 8, -1, -1}));
  EXPECT_EQ(cells.age_ms, (std::vector<std::int64_t>{-1, 6, -1, -1}));
}

TEST(MapCells, SampleALargeMemoryEvenly) {
  // A quarter used, a quarter reserved, half free, and the boundaries on cell boundaries.
  const std::int64_t slots = 16 * 4 * CellGrid::kMostCells;
  MemoryMap map;
  map.patches = {patch(0, slots / 4, Spent::kUsed), patch(slots / 4, slots / 4, Spent::kReserved),
                 patch(slots / 2, slots / 2, Spent::kFree)};
  const CellGrid grid = CellGrid::over(map.patches, Tokens(16), Tokens(16));
  EXPECT_EQ(grid.blocks_per_cell, 4);
  const auto quarter = static_cast<std::size_t>(CellGrid::kMostCells / 4);
  EXPECT_EQ(cells_of(map, grid, ten_minus).spent,
            std::string(quarter, 'U') + std::string(quarter, 'R') + std::string(2 * quarter, 'F'));
}

TEST(MapCells, NeverMoreThanTheMost) {
  for (const std::int64_t blocks : {1L, 3071L, 3072L, 3073L, 6145L, 1'000'003L}) {
    MemoryMap map;
    map.patches = {patch(0, blocks, Spent::kFree)};
    const CellGrid grid = CellGrid::over(map.patches, Tokens(1), Tokens(1));
    const std::size_t cells = cells_of(map, grid, ten_minus).spent.size();
    EXPECT_LE(cells, static_cast<std::size_t>(CellGrid::kMostCells));
    EXPECT_GE(static_cast<std::int64_t>(cells) * grid.blocks_per_cell, blocks) << "all is covered";
  }
}

}  // namespace
}  // namespace kvsim
