#pragma once
// Online softmax of a 16-row tile of scores in tensor-core registers (Milakov and Gimelshein,
// arXiv 1805.02867; on tiles: FlashAttention-2, arXiv 2307.08691, algorithm 1).
//
// In base 2: exp(x) = 2^(x log2 e), with log2 e folded into the scale of the scores.

#include "kernels/decode/merge.cuh"
#include "kernels/gpu/gpu.h"

namespace kvsim {

/// Maximum and sum of powers of a row so far: sum = sum of 2^(score - max).
struct MaxSum {
  float max = kNoScore;
  float sum = 0;
};

/// A quad of lanes holds a row: lanes that differ in the two lowest bits.
KVSIM_DEVICE float quad_max(float x) {
  x = gpu::max(x, gpu::shfl_xor(x, 1));
  return gpu::max(x, gpu::shfl_xor(x, 2));
}
KVSIM_DEVICE float quad_sum(float x) {
  x += gpu::shfl_xor(x, 1);
  return x + gpu::shfl_xor(x, 2);
}

/// The two rows g and g + 8 of a fragment that this lane has part of.
struct SoftmaxRows {
  MaxSum row[2];  // The sums are of this lane's columns only, until finish().

  /// [warp] Scores to powers, in place; `factor[h]` is what older sums and outputs shrink by.
  template <int kColumnTiles>
  KVSIM_DEVICE void update(float (&scores)[kColumnTiles][4], float scale, float (&factor)[2]) {
    KVSIM_UNROLL
    for (int h = 0; h < 2; ++h) {
      float largest = kNoScore;
      KVSIM_UNROLL
      for (int n = 0; n < kColumnTiles; ++n)
        largest = gpu::max(largest, gpu::max(scores[n][2 * h], scores[n][2 * h + 1]));
      const float max = gpu::max(row[h].max, quad_max(largest) * scale);
      const float base = max > kNoScore ? max : 0;  // No infinity less itself.
      factor[h] = rescale(row[h].max, max);
      float sum = row[h].sum * factor[h];
      KVSIM_UNROLL
      for (int n = 0; n < kColumnTiles; ++n) {
        KVSIM_UNROLL
        for (int i = 2 * h; i < 2 * h + 2; ++i) {
          scores[n][i] = gpu::exp2(scores[n][i] * scale - base);
          sum += scores[n][i];
        }
      }
      row[h] = {max, sum};
    }
  }

  /// [warp] Adds up the lanes' sums.
  KVSIM_DEVICE void finish() {
    row[0].sum = quad_sum(row[0].sum);
    row[1].sum = quad_sum(row[1].sum);
  }
};

KVSIM_DEVICE float inverse_or_zero(float sum) { return sum > 0 ? 1 / sum : 0; }

/// The left operand for keys [16 k, 16 k + 16) from the powers of update().
template <class Element, int kColumnTiles>
KVSIM_DEVICE void pack_left(std::uint32_t (&a)[4], const float (&powers)[kColumnTiles][4], int k) {
  KVSIM_UNROLL
  for (int i = 0; i < 4; ++i)
    a[i] =
        gpu::pack<Element>(powers[2 * k + i / 2][i % 2 * 2], powers[2 * k + i / 2][i % 2 * 2 + 1]);
}

}  // namespace kvsim
