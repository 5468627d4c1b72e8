#pragma once
// What a decode kernel is given. Pointers are the device's (on the CPU side, anyone's).

#include <cstdint>

#include "sim/model/attention/work_item.h"

namespace kvsim {

/// Rows are head_dim elements of the KV format. A page of one head is a run of page_tokens rows.
struct DecodeArgs {
  const void* q = nullptr;  ///< [sequences, q_heads, head_dim] query elements
  void* out = nullptr;      ///< As q; rows of empty sequences become zero.
  const void* k = nullptr;  ///< [pages, kv_heads, page_tokens] rows; contiguous: see capacity
  const void* v = nullptr;
  const void* k_scales = nullptr;  ///< [pages, kv_heads, page_tokens] fp16, scaled formats only
  const void* v_scales = nullptr;

  /// [sequences, table_stride] page of each page_tokens tokens; entries without visible tokens are
  /// not read. Null: contiguous, K and V are [sequences, kv_heads, capacity] rows.
  const std::int32_t* table = nullptr;
  std::int32_t table_stride = 0;
  std::int32_t page_shift = 0;  ///< page_tokens = 1 << page_shift, 8 .. 256
  std::int32_t capacity = 0;    ///< A multiple of 8.

  const WorkItem* items = nullptr;  ///< [item_count] of a DecodePlan
  std::int32_t item_count = 0;
  float* partial_out = nullptr;       ///< [slots, q_heads / head_groups, head_dim]
  float* partial_stats = nullptr;     ///< [slots, q_heads / head_groups, 2]: maximum (log2), sum
  std::uint32_t* arrivals = nullptr;  ///< [sequences, head_groups], zero; zero again afterwards

  /// What tokens before these contribute to every query, as partial results (kernels/cascade);
  /// null: there are none.
  const float* prefix_out = nullptr;    ///< [sequences, q_heads, head_dim]
  const float* prefix_stats = nullptr;  ///< [sequences, q_heads, 2]

  std::int32_t q_heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_groups = 0;  ///< head_groups(q_heads, kv_heads)
  std::int32_t window = 0;       ///< As planned.
  std::int32_t sinks = 0;
  float scale_log2 = 0;  ///< Softmax scale times log2(e).
};

}  // namespace kvsim
