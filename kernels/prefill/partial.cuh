#pragma once
// Partial results of split-KV attention, and their merge by the last block to arrive.
//
// The same partial results as decode's (kernels/decode/merge.cuh), merged in the same way: in the
// order of the splits, whoever arrives last, so that a fixed plan gives fixed bits. Here a block
// has many rows, so a warp merges whole ones.

#include "kernels/decode/merge.cuh"
#include "kernels/gpu/gpu.h"
#include "kernels/prefill/prefill_args.h"
#include "kernels/prefill/softmax.cuh"

namespace kvsim {

KVSIM_DEVICE void store_stats(const PartialRows& to, std::int64_t row, const MaxSum& value) {
  to.stats[row * 2] = value.max;
  to.stats[row * 2 + 1] = value.sum;
}
KVSIM_DEVICE MaxSum load_stats(const PartialRows& from, std::int64_t row) {
  return {gpu::load_fresh(from.stats + row * 2), gpu::load_fresh(from.stats + row * 2 + 1)};
}

/// One row of a merge: adds parts one by one. Each lane has two columns of every 64.
template <int kHeadDim>
struct RowMerge {
  MaxSum total;
  float output[kHeadDim / 64][2] = {};

  /// Rows first, first + stride, ...: `count` of them, in this order.
  KVSIM_DEVICE void add_all(const PartialRows& parts, std::int64_t first, int stride, int count) {
    const std::int64_t end = first + static_cast<std::int64_t>(count) * stride;
    for (std::int64_t row = first; row < end; row += stride)
      total.max = gpu::max(total.max, gpu::load_fresh(parts.stats + row * 2));
    for (std::int64_t row = first; row < end; row += stride) add(parts, row);
  }

  /// [warp] The attention itself, to kHeadDim elements at `out`.
  template <class Element>
  KVSIM_DEVICE void store_divided(Element* out) const {
    const float inverse = inverse_or_zero(total.sum);
    auto* words = reinterpret_cast<std::uint32_t*>(out) + gpu::lane();
    KVSIM_UNROLL
    for (int column = 0; column < kHeadDim; column += 64) {
      const float(&pair)[2] = output[column / 64];
      words[column / 2] = gpu::pack<Element>(pair[0] * inverse, pair[1] * inverse);
    }
  }

  /// [warp] Still a partial result.
  KVSIM_DEVICE void store_partial(const PartialRows& to, std::int64_t row) const {
    float* out = to.output + row * kHeadDim + first_column();
    KVSIM_UNROLL
    for (int column = 0; column < kHeadDim; column += 64) {
      out[column] = output[column / 64][0];
      out[column + 1] = output[column / 64][1];
    }
    if (gpu::lane() == 0) store_stats(to, row, total);
  }

 private:
  KVSIM_DEVICE static int first_column() { return 2 * gpu::lane(); }

  /// Requires total.max to be the largest of all parts.
  KVSIM_DEVICE void add(const PartialRows& parts, std::int64_t row) {
    const MaxSum part = load_stats(parts, row);
    const float weight = rescale(part.max, total.max);
    total.sum += part.sum * weight;
    const float* from = parts.output + row * kHeadDim + first_column();
    KVSIM_UNROLL
    for (int column = 0; column < kHeadDim; column += 64) {
      output[column / 64][0] += weight * gpu::load_fresh(from + column);
      output[column / 64][1] += weight * gpu::load_fresh(from + column + 1);
    }
  }
};

}  // namespace kvsim
