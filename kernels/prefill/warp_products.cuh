#pragma once
// Products of the prefill kernel by mma.sync: each warp by itself, both operands in registers.

#include "kernels/prefill/tile.cuh"

namespace kvsim {

inline constexpr int kPrefillKvTokens = 64;

/// kHeadDim 64, 128 or 256; kRows 64 or 128. Two blocks per multiprocessor, by registers and by
/// shared memory: one multiplies while the other takes powers.
template <class Element_, int kHeadDim_, int kRows_>
struct WarpProducts {
  using Element = Element_;
  using KvLayout = RowLayout<kHeadDim_>;
  static constexpr int kHeadDim = kHeadDim_;
  static constexpr int kRows = kRows_;
  static constexpr int kWarps = 4;
  static constexpr int kBlocksPerSm = 2;
  static constexpr int kSlots = kHeadDim == 256 ? 2 : 4;
  static constexpr int kTiles = kRows / kWarps / 16;     // Of 16 rows, per warp.
  static constexpr int kColumns = kPrefillKvTokens / 8;  // Of 8 keys.
  static constexpr int kSteps = kPrefillKvTokens / 16;   // Of 16 keys, summed over at once.
  static constexpr int kOutputColumns = kHeadDim / 8;

  KVSIM_DEVICE static void before_barrier() {}

  /// scores += q k^T: this warp's rows of q, from warp_row, against the tile's keys.
  KVSIM_DEVICE static void add_scores(float (&scores)[kTiles][kColumns][4], const Element* q,
                                      int warp_row, const Element* k) {
    KVSIM_UNROLL
    for (int step = 0; step < kHeadDim / 16; ++step) {
      std::uint32_t left[kTiles][4];
      KVSIM_UNROLL
      for (int m = 0; m < kTiles; ++m) load_left<kHeadDim>(left[m], q, warp_row + m * 16, step);
      KVSIM_UNROLL
      for (int n = 0; n < kColumns; n += 2) {
        std::uint32_t right[4];
        load_right_of_rows<kHeadDim>(right, k, n * 8, step);
        KVSIM_UNROLL
        for (int m = 0; m < kTiles; ++m)
          multiply_two<Element>(scores[m][n], scores[m][n + 1], left[m], right);
      }
    }
  }

  /// output += powers v.
  KVSIM_DEVICE static void add_output(float (&output)[kTiles][kOutputColumns][4],
                                      const std::uint32_t (&powers)[kTiles][kSteps][4],
                                      const Element* v) {
    KVSIM_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      KVSIM_UNROLL
      for (int n = 0; n < kOutputColumns; n += 2) {
        std::uint32_t right[4];
        load_right_of_columns<kHeadDim>(right, v, step * 16, n / 2);
        KVSIM_UNROLL
        for (int m = 0; m < kTiles; ++m)
          multiply_two<Element>(output[m][n], output[m][n + 1], powers[m][step], right);
      }
    }
  }
};

}  // namespace kvsim
