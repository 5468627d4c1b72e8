// Where a tile's bytes lie in shared memory: what the machine cannot see, bank conflicts, by count.
#include "kernels/decode/tile_ring.cuh"

#include <set>

#include <gtest/gtest.h>

namespace kvsim {
namespace {

/// Shared memory has 32 banks of 4 bytes; 8 threads that read 16 bytes each are served at once if
/// the 8 pieces lie in different eighths of 128 bytes.
template <int kRowBytes>
void expect_no_conflicts() {
  using Rows = TokenRows<kRowBytes>;
  Rows rows;
  std::set<const unsigned char*> places;
  for (int chunk = 0; chunk < Rows::kChunks; ++chunk) {
    for (int first = 0; first < kWarpTokens; first += 8) {  // The rows of one 8x8 matrix.
      std::set<std::ptrdiff_t> eighths;
      for (int row = first; row < first + 8; ++row) {
        const unsigned char* place = rows.at(row, chunk);
        eighths.insert((place - rows.bytes) / 16 % 8);
        EXPECT_EQ((place - rows.bytes) / kRowBytes, row);  // A row stays in its own bytes.
        EXPECT_TRUE(places.insert(place).second);
      }
      EXPECT_EQ(eighths.size(), 8u) << kRowBytes << " bytes, chunk " << chunk;
    }
  }
}

TEST(TileRing, ReadsMatricesWithoutBankConflicts) {
  expect_no_conflicts<32>();  // head_dim 64 at 4 bits
  expect_no_conflicts<64>();
  expect_no_conflicts<128>();
  expect_no_conflicts<256>();
  expect_no_conflicts<512>();  // head_dim 256 at 16 bits
}

}  // namespace
}  // namespace kvsim
