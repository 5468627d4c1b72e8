// wgmma on the CPU machine: descriptors bit by bit, the layout they stand for by its definition,
// and products against sums in double. What a GPU does with them is for a GPU to show.
#include "kernels/gpu/warpgroup.h"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/prefill/tile.cuh"

namespace kvsim {
namespace {

using gpu::Bf16;
using gpu::Fp16;

constexpr int kRows = 64;      // Tokens of a tile.
constexpr int kHeadDim = 128;  // Two blocks of 64 columns, 8 KB each.
using Layout = BlockLayout<kHeadDim, kRows>;

// Address 0x2400 is 0x240 sixteens; strides 8 KB = 0x200 and 1 KB = 0x40; swizzle mode 1 in bits 62
// and 63.
static_assert(gpu::matrix_descriptor(0x2400, 8192, 1024) == 0x4000'0040'0200'0240u);
// The fifth step of 16 columns is the first of the second block; the sixth is 32 bytes on.
static_assert((gpu::rows_descriptor(0, kRows, 4) & 0x3fffu) == 8192 / 16);
static_assert((gpu::rows_descriptor(0, kRows, 5) & 0x3fffu) == (8192 + 32) / 16);
// Sixteen rows of 128 bytes.
static_assert((gpu::columns_descriptor(0, kRows, 1) & 0x3fffu) == 2048 / 16);
static_assert((gpu::columns_descriptor(0, kRows, 0) >> 16 & 0x3fffu) == 8192 / 16);

// Swizzle<3, 4, 3> of CUTLASS's canonical layouts (cute/arch/mma_sm90_desc.hpp): of the byte
// address of an unswizzled block of 128-byte rows, bits 7-9 are added to bits 4-6.
TEST(Warpgroup, TilesHaveTheSwizzleOfTheDescriptor) {
  for (int row = 0; row < kRows; ++row) {
    for (int piece = 0; piece < kHeadDim / kPieceElements; ++piece) {
      const int plain = piece / 8 * kRows * 128 + row * 128 + piece % 8 * 16;
      EXPECT_EQ(Layout::at(row, piece) * 2, plain ^ (plain >> 7 & 7) << 4);
    }
  }
}

template <class Element>
struct Tiles {
  alignas(128) Element left[64 * kHeadDim];
  alignas(1024) Element right[kRows * kHeadDim];
};

/// out = left right^T over kHeadDim, [64, kRows], and, with the first 64 columns of left, out2 =
/// left right, [64, kHeadDim].
template <class Element>
KVSIM_KERNEL multiply(const Element* left, const Element* right, float* out, float* out2) {
  auto& tiles = gpu::shared<Tiles<Element>>();
  const int first = gpu::warp() * 16;
  const int row = first + gpu::lane() % 16;
  copy_rows<RowLayout<kHeadDim>, 16>(tiles.left, first, left, row);
  copy_rows<Layout, 16>(tiles.right, first, right, row);
  gpu::cp_async_commit();
  gpu::cp_async_wait<0>();
  gpu::async_proxy_fence();
  gpu::sync_block();
  const std::uint32_t tile = gpu::shared_address(tiles.right);
  float scores[8][4] = {};
  float sums[16][4] = {};
  gpu::warpgroup_begin();
  for (int step = 0; step < kHeadDim / 16; ++step) {
    std::uint32_t a[4];
    load_left<kHeadDim>(a, tiles.left, first, step);
    gpu::multiply_by_rows<Element>(scores, a, gpu::rows_descriptor(tile, kRows, step));
  }
  for (int step = 0; step < kRows / 16; ++step) {
    std::uint32_t a[4];
    load_left<kHeadDim>(a, tiles.left, first, step);
    gpu::multiply_by_columns<Element>(sums, a, gpu::columns_descriptor(tile, kRows, step));
  }
  gpu::warpgroup_wait();
  for (int i = 0; i < 4; ++i) {
    const int m = first + gpu::lane() / 4 + i / 2 * 8;
    const int n = gpu::lane() % 4 * 2 + i % 2;
    for (int block = 0; block < 8; ++block) out[m * kRows + block * 8 + n] = scores[block][i];
    for (int block = 0; block < 16; ++block) out2[m * kHeadDim + block * 8 + n] = sums[block][i];
  }
}

/// Exact in any order: small whole numbers.
template <class Element>
std::vector<Element> small_numbers(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Element> values(count);
  for (Element& value : values)
    value = gpu::from_float<Element>(static_cast<float>(static_cast<int>(random() % 17) - 8));
  return values;
}

template <class Element>
void expect_products() {
  const auto left = small_numbers<Element>(std::size_t{64} * kHeadDim, 1);
  const auto right = small_numbers<Element>(std::size_t{kRows} * kHeadDim, 2);
  std::vector<float> out(std::size_t{64} * kRows, std::nanf(""));
  std::vector<float> out2(std::size_t{64} * kHeadDim, std::nanf(""));
  gpu::Machine machine({3, {}});
  gpu::launch(&multiply<Element>, {{}, 128, sizeof(Tiles<Element>), machine.stream()}, left.data(),
              right.data(), out.data(), out2.data());
  const auto at = [](const std::vector<Element>& matrix, std::size_t row, std::size_t column) {
    return static_cast<double>(gpu::to_float(matrix[row * kHeadDim + column]));
  };
  for (std::size_t m = 0; m < 64; ++m) {
    for (std::size_t n = 0; n < kRows; ++n) {
      double sum = 0;
      for (std::size_t k = 0; k < kHeadDim; ++k) sum += at(left, m, k) * at(right, n, k);
      ASSERT_EQ(out[m * kRows + n], sum) << m << " " << n;
    }
    for (std::size_t n = 0; n < kHeadDim; ++n) {
      double sum = 0;
      for (std::size_t k = 0; k < kRows; ++k) sum += at(left, m, k) * at(right, k, n);
      ASSERT_EQ(out2[m * kHeadDim + n], sum) << m << " " << n;
    }
  }
}

TEST(Warpgroup, MultipliesFromSharedMemory) {
  expect_products<Bf16>();
  expect_products<Fp16>();
}

KVSIM_KERNEL multiply_elsewhere(std::uint64_t descriptor) {
  float d[8][4] = {};
  gpu::multiply_by_rows<Bf16>(d, {0, 0, 0, 0}, descriptor);
}

TEST(Warpgroup, RefusesADescriptorOutOfSharedMemory) {
  const auto run = [](std::uint64_t descriptor) {
    gpu::launch(&multiply_elsewhere, {{}, 128, 8192, {}}, descriptor);
  };
  EXPECT_NO_THROW(run(gpu::rows_descriptor(0, kRows, 0)));
  EXPECT_THROW(run(gpu::rows_descriptor(1024, kRows, 0)), gpu::MachineError);
  EXPECT_THROW(run(0), gpu::MachineError);  // No swizzle.
}

}  // namespace
}  // namespace kvsim
