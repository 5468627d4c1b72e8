#pragma once
// Prefix hashes: one number for every whole block at the start of a request, the same wherever the
// same was said before: what routers compare prompts by (vLLM's KV events name blocks so).
//
// Half of the keys by which caches know blocks (block_keys.h): routers need no more.
// Cost: the spans passed over, and one number per block.

#include <cstdint>
#include <vector>

#include "sim/model/request.h"

namespace kvsim {

/// Appends the hashes of the whole blocks in the first `count` tokens of `r`, front to back; each
/// covers all tokens before its block's end, their media, and the cache salt.
void append_prefix_hashes(const Request& r, Tokens count, Tokens block,
                          std::vector<std::uint64_t>& hashes);

}  // namespace kvsim
