#pragma once
// HiCache: SGLang's hierarchical cache, said in terms of a tier: the host's memory behind the tree.
//
// Pages of prompts are copied to the host when their node has been inserted often enough
// (write_through: once; write_through_selective: twice), and only behind what is there already, so
// that copies form whole prefixes. What the tree gives up can be loaded back, all of it or nothing,
// and not fewer than 10 tokens, layer by layer beside the step that needs it.
// Source: SGLang, python/sglang/srt/mem_cache/hiradix_cache.py; the flags --hicache-ratio,
// --hicache-size and --hicache-write-policy.
// Deviations: the host gives up pages, leaves first, where SGLang gives up whole nodes, and only
// those that have left the device: here what is used on the device is merely used on the host as
// well. Nodes are not locked until their copy is made. write_back is not modelled.

#include <optional>

#include "sim/core/config_view.h"
#include "sim/core/units.h"

namespace kvsim {

struct HiCache {
  /// Fewer tokens are not loaded: load_back_threshold.
  static constexpr Tokens kLeastLoad{10};
  const char* field = "";       ///< That asked for it.
  Tokens room;                  ///< In the host's memory.
  std::uint32_t threshold = 1;  ///< Uses of a page at which it is copied.
};

/// Nothing if the config asks for none. `pool` is the room in the GPUs' pool, `token_bytes` are
/// those on each GPU. Throws InputError behind another allocator than radix.
[[nodiscard]] std::optional<HiCache> read_hicache(const ConfigView& config, Tokens pool,
                                                  Bytes token_bytes);

}  // namespace kvsim
