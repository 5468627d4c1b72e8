#pragma once
// What a prefill kernel is given. Pointers are the device's (on the CPU side, anyone's).

#include <cstdint>

#include "sim/model/attention/prefill_plan.h"

namespace kvsim {

/// Rows of partial results: as decode's, outputs not yet divided by their sum.
struct PartialRows {
  float* output = nullptr;  ///< [rows, head_dim]
  float* stats = nullptr;   ///< [rows, 2]: maximum (log2) and sum
};

struct PrefillArgs {
  const void* q = nullptr;  ///< [tokens, q_heads, head_dim], the new tokens of all sequences
  void* out = nullptr;      ///< As q. Null: the result stays partial, in `state`.
  const void* k = nullptr;  ///< [pages, kv_heads, page_tokens, head_dim]; contiguous: see capacity
  const void* v = nullptr;

  const std::int32_t* first_token = nullptr;  ///< [sequences + 1] where each begins in q
  const std::int32_t* context = nullptr;  ///< [sequences] keys, those of the new tokens included
  /// [sequences, table_stride] page of each page_tokens tokens; entries without visible tokens are
  /// not read. Null: contiguous, K and V are [sequences, kv_heads, capacity, head_dim].
  const std::int32_t* table = nullptr;
  std::int32_t table_stride = 0;
  std::int32_t page_shift = 0;  ///< page_tokens = 1 << page_shift, 8 .. 256
  std::int32_t capacity = 0;

  const PrefillItem* items = nullptr;  ///< [item_count] of a PrefillPlan
  std::int32_t item_count = 0;
  PartialRows state;                  ///< [tokens x q_heads]
  PartialRows parts;                  ///< [slots x rows of a tile]
  std::uint32_t* arrivals = nullptr;  ///< [slots], zero; zero again afterwards

  std::int32_t q_heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t causal = 1;  ///< As planned; 0: every query sees the whole context.
  std::int32_t window = 0;  ///< As planned.
  float scale_log2 = 0;     ///< Softmax scale times log2(e); positive.
};

}  // namespace kvsim
