// LRU: give up the entry whose last use is longest ago.
//
// A pool inserts in order of last use, and the parent of an evicted leaf is next to go: at the ends
// of the list of RankedEviction, so O(1).
// Source: the free-block queue of vLLM (vllm/v1/core/kv_cache_utils.py), where this order is fixed.

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

const Registered<EvictionPolicy, LruOrder> kLru{"lru",
                                                "Least recently used first; blind to priority."};

}  // namespace
}  // namespace kvsim
