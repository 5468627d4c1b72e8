#pragma once
// KvGroup: layers that keep the same tokens, as a paged allocator sees them: one block table.
//
// A model whose layers do not all keep the same tokens (sliding windows, chunks, Mamba states) has
// several groups over one pool of equal pages; a plain transformer has one. Source: vLLM V1
// KVCacheGroupSpec (kv_cache_utils.py, July 2026); the sinks are StreamingLLM's (arXiv 2309.17453).

#include <cstdint>

#include "sim/core/units.h"

namespace kvsim {

struct KvGroup {
  enum class Kind : std::uint8_t {
    kFull,           ///< Every token is kept.
    kSlidingWindow,  ///< The last `window` tokens, and the first `sinks`.
    kChunkedLocal,   ///< Tokens of the chunk the newest one lies in.
    kMamba,          ///< A state of constant size instead of tokens.
  };
  /// Which Mamba states are kept (vLLM's mamba_cache_mode).
  enum class MambaMode : std::uint8_t {
    kNone,   ///< The running one.
    kAll,    ///< One per block.
    kAlign,  ///< The running one; chunks end at block boundaries, so that it can be reused.
  };

  Kind kind = Kind::kFull;
  Tokens block;   ///< Tokens per block of this group.
  Tokens window;  ///< kSlidingWindow: tokens a query sees, itself included.
  Tokens sinks;   ///< Leading tokens kept for ever beside the window.
  Tokens chunk;   ///< kChunkedLocal: tokens per chunk.
  MambaMode mode = MambaMode::kNone;
  std::int64_t speculative_blocks = 0;  ///< kMamba: blocks kept for the states of drafts.

  bool operator==(const KvGroup&) const = default;
};

}  // namespace kvsim
