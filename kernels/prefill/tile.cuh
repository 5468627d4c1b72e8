#pragma once
// Tiles of 16-bit rows in shared memory, and their way into tensor-core fragments.
//
// A tile is rows of kHeadDim elements in 16-byte pieces; piece p of row r is kept at p xor (r % 8),
// so that the eight rows one matrix of ldmatrix reads lie in different banks (row lengths are
// multiples of 128 bytes). Fragment layouts: kernels/gpu/gpu.h.

#include "kernels/gpu/gpu.h"

namespace kvsim {

inline constexpr int kPieceElements = 8;  // 16 bytes.

/// The element of a tile where piece `piece` of row `row` begins.
template <int kHeadDim>
KVSIM_HOST_DEVICE constexpr int piece_at(int row, int piece) {
  return row * kHeadDim + (piece ^ (row % 8)) * kPieceElements;
}

/// How a tile of K or V lies in shared memory: the element where a piece begins.
template <int kHeadDim_>
struct RowLayout {
  static constexpr int kHeadDim = kHeadDim_;
  KVSIM_HOST_DEVICE static constexpr int at(int row, int piece) {
    return piece_at<kHeadDim>(row, piece);
  }
};
/// Blocks of 64 columns, one after the other, as wgmma wants them (kernels/gpu/warpgroup.h).
template <int kHeadDim_, int kRows>
struct BlockLayout {
  static constexpr int kHeadDim = kHeadDim_;
  KVSIM_HOST_DEVICE static constexpr int at(int row, int piece) {
    return piece / 8 * kRows * 64 + piece_at<64>(row, piece % 8);
  }
};

/// [warp] Starts copying kRows rows of `from` to rows [first_row, first_row + kRows) of `tile`;
/// lane i < kRows knows the number of row i in `from`, or -1: zeros, nothing is read.
template <class Layout, int kRows, class Element>
KVSIM_DEVICE void copy_rows(Element* tile, int first_row, const Element* from, int row_number) {
  constexpr int kPieces = Layout::kHeadDim / kPieceElements;
  KVSIM_UNROLL_BY_4  // All of them would take the registers of the products.
      for (int pass = 0; pass < kRows * kPieces / gpu::kWarpThreads; ++pass) {
    const int index = pass * gpu::kWarpThreads + gpu::lane();
    const int row = index / kPieces;
    const int piece = index % kPieces;
    const int number = gpu::shfl(row_number, row);
    const bool valid = number >= 0;
    const Element* source = from +
                            static_cast<std::int64_t>(valid ? number : 0) * Layout::kHeadDim +
                            piece * kPieceElements;
    gpu::cp_async16(tile + Layout::at(first_row + row, piece), source, valid);
  }
}

/// piece_at(row + lane_row, 2 k + lane_piece) for constants `row`, a multiple of 8, and `k`, and a
/// lane's own lane_row and lane_piece, 0 or 1: in a form with four different values per lane, the
/// rest of it added when compiling.
template <int kHeadDim>
KVSIM_HOST_DEVICE constexpr int fragment_at(int row, int k, int lane_row, int lane_piece) {
  return row * kHeadDim + k / 4 * 64 + (piece_at<kHeadDim>(lane_row, lane_piece) ^ (k % 4 * 16));
}

/// [warp] The left operand: rows [row, row + 16), columns [16 k, 16 k + 16) of a tile.
template <int kHeadDim, class Element>
KVSIM_DEVICE void load_left(std::uint32_t (&a)[4], const Element* tile, int row, int k) {
  const int lane = gpu::lane();
  gpu::ldmatrix_x4(a, tile + fragment_at<kHeadDim>(row, k, lane % 16, lane / 16));
}

/// [warp] Two right operands of a product with the tile's transpose (scores = q k^T): tile rows
/// [row, row + 8) and the eight after them are columns of the product; b[0..1] and b[2..3].
template <int kHeadDim, class Element>
KVSIM_DEVICE void load_right_of_rows(std::uint32_t (&b)[4], const Element* tile, int row, int k) {
  const int lane = gpu::lane();
  gpu::ldmatrix_x4(b, tile + fragment_at<kHeadDim>(row, k, lane / 16 * 8 + lane % 8, lane / 8 % 2));
}

/// [warp] Two right operands of a product with the tile itself (output = p v): tile rows
/// [row, row + 16) are summed over; columns [16 n, 16 n + 8) in b[0..1], the next eight in b[2..3].
template <int kHeadDim, class Element>
KVSIM_DEVICE void load_right_of_columns(std::uint32_t (&b)[4], const Element* tile, int row,
                                        int n) {
  const int lane = gpu::lane();
  gpu::ldmatrix_x4_trans(b, tile + fragment_at<kHeadDim>(row, n, lane % 16, lane / 16));
}

/// [warp] d[0], d[1] += a times the two right operands of b.
template <class Element>
KVSIM_DEVICE void multiply_two(float (&d0)[4], float (&d1)[4], const std::uint32_t (&a)[4],
                               const std::uint32_t (&b)[4]) {
  gpu::mma_m16n8k16<Element>(d0, a, {b[0], b[1]});
  gpu::mma_m16n8k16<Element>(d1, a, {b[2], b[3]});
}

}  // namespace kvsim
