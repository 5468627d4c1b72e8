#pragma once
// How a replica's KV memory is spent at one instant, in tokens of capacity.
//
// used + reserved + internal + external + cached + free = capacity, always. The first four are what
// the PagedAttention paper's Fig. 2 splits the memory of running sequences into.

#include "sim/core/units.h"

namespace kvsim {

struct MemoryUse {
  Tokens capacity;
  Tokens used;      ///< Holds a token of a running sequence (shared ones count once).
  Tokens reserved;  ///< Set aside for tokens its sequence will still produce.
  Tokens internal;  ///< Set aside for tokens that will never come: range or block rounding.
  Tokens external;  ///< Unusable between ranges: buddy rounding, or holes too small for who waits.
  Tokens cached;    ///< Holds reusable tokens of no running sequence; evictable.
  Tokens free;

  /// Given to running sequences, or lost on their behalf.
  [[nodiscard]] Tokens held() const { return used + reserved + internal + external; }
  [[nodiscard]] bool adds_up() const { return held() + cached + free == capacity; }
};

}  // namespace kvsim
