#pragma once
// KV elements that tensor cores take as they are: bf16 and fp16.
//
// A format says how 32 bytes of 16 cached tokens become operands of mma.m16n8k16. The words come
// from ldmatrix: words[2 h + c] is chunk c (16 bytes) of tokens 8 h .. 8 h + 7. A format must give
//   Query, Operand   elements of q and out, and of the products
//   kBits            per cached element; kSteps = 16 / kBits: products, 16 dims deep, per 32 bytes
//   kScaled          whether K and V have a scale per token and head. It never meets an element:
//                    the kernel multiplies scores by K's and probabilities by V's.
//   kCodeUnit        scaled formats: a power of two near the largest code. Probabilities times
//                    scales are multiplied by it, and results divided, lest they be subnormal fp16.
//   keys(words, b)   words read by rows: b[step][h] is the second operand for tokens 8 h ..
//   values(words, a) words read transposed: a[step] is the first operand, dims by tokens
//   key_dim(step, k), value_dim(step, m)   which of the 32 bytes' dims stands at place k of the sum
//                    and at row m of the product: a format may permute both, as q and out follow.

#include "kernels/gpu/gpu.h"

namespace kvsim {

template <class Element>  // gpu::Bf16 or gpu::Fp16
struct SixteenBit {
  using Query = Element;
  using Operand = Element;
  static constexpr int kBits = 16;
  static constexpr int kSteps = 1;
  static constexpr bool kScaled = false;

  KVSIM_DEVICE static void keys(const std::uint32_t (&words)[4], std::uint32_t (&b)[kSteps][2][2]) {
    KVSIM_UNROLL
    for (int half = 0; half < 2; ++half)
      for (int i = 0; i < 2; ++i) b[0][half][i] = words[2 * half + i];
  }
  KVSIM_DEVICE static void values(const std::uint32_t (&words)[4], std::uint32_t (&a)[kSteps][4]) {
    KVSIM_UNROLL
    for (int i = 0; i < 4; ++i) a[0][i] = words[i];
  }
  static constexpr int key_dim(int /*step*/, int k) { return k; }
  static constexpr int value_dim(int /*step*/, int m) { return m; }
};

}  // namespace kvsim
