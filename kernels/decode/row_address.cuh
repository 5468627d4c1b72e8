#pragma once
// Where cached tokens lie: through a block table, or one after another.
//
// Both answer for 8 tokens at a time, which every page holds in one piece. Contiguous is the
// control: the difference in time to Paged is the price of paging.

#include <cstdint>

#include "kernels/gpu/gpu.h"

namespace kvsim {

class Paged {
 public:
  template <class Args>  // DecodeArgs, PrefillArgs
  KVSIM_DEVICE Paged(const Args& args, int sequence, int kv_head)
      : table_(args.table + static_cast<std::int64_t>(sequence) * args.table_stride),
        kv_heads_(args.kv_heads),
        kv_head_(kv_head),
        shift_(args.page_shift) {}

  /// The row of `token`, which is visible or shares 8 tokens with one that is.
  KVSIM_DEVICE int row(int token) const {
    const int page = gpu::load_constant(table_ + (token >> shift_));
    return ((page * kv_heads_ + kv_head_) << shift_) + (token & ((1 << shift_) - 1));
  }

 private:
  const std::int32_t* table_;
  int kv_heads_;
  int kv_head_;
  int shift_;
};

class Contiguous {
 public:
  template <class Args>
  KVSIM_DEVICE Contiguous(const Args& args, int sequence, int kv_head)
      : first_((sequence * args.kv_heads + kv_head) * args.capacity) {}
  KVSIM_DEVICE int row(int token) const { return first_ + token; }

 private:
  int first_;
};

}  // namespace kvsim
