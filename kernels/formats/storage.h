#pragma once
// How quantised elements of a KV cache lie in memory. Shared by the kernels that write them, the
// kernels that read them and the tests that check both.
//
// A pool is HND: codes [page][kv_head][page_tokens][head_dim], and beside them one fp16 scale per
// row, [page][kv_head][page_tokens]. A row is what one token keeps for one kv head.
//   value = scale * code
// The scale is the least fp16 with largest code * scale >= the row's largest magnitude: no code
// saturates. So the largest error of a row is scale / 2 for int8 and int4; for e4m3 it is 2^-4 of
// the value, or scale * 2^-10 where that is more (its subnormals).
// A row that holds a NaN or an infinity, or is too large for an fp16 scale, has scale NaN: what was
// poisoned stays so instead of reading back as plausible numbers.
//
// Codes of int8 and int4 are stored plus a bias, as unsigned numbers: a permutation (PRMT) or a
// mask (LOP3) then puts them straight into the mantissa of an fp16 (magic numbers; Kim et al.,
// "Who Says Elephants Can't Run", arXiv 2211.10017).

#include <cstdint>

#include "kernels/gpu/macros.h"

namespace kvsim {

struct E4m3Storage {
  static constexpr int kBits = 8;
  static constexpr int kLargest = 448;
};
struct Int8Storage {
  static constexpr int kBits = 8;
  static constexpr int kLargest = 127;
  static constexpr int kBias = 128;
};
struct Int4Storage {
  static constexpr int kBits = 4;
  static constexpr int kLargest = 7;
  static constexpr int kBias = 8;
};

/// Where int4 element `dim` lies in the 32-bit word of its 8 neighbours: the shift of its nibble.
/// Element 2i is nibble i and element 2i + 1 nibble i + 4, so that one mask of the word leaves two
/// neighbours in the two halves of a register, as tensor cores want them.
KVSIM_HOST_DEVICE constexpr int int4_shift(int dim) { return 4 * (dim % 8 / 2 + dim % 2 * 4); }

}  // namespace kvsim
