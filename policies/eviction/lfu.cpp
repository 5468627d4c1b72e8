// LFU: the least reused entry goes first, then the least recently used.
// Source: SGLang's LFUStrategy (python/sglang/srt/mem_cache/evict_policy.py).

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto reuse_then_age(const CacheEntry& e) { return std::tuple(e.hits, e.last_used); }

const Registered<EvictionPolicy, RankedEviction<reuse_then_age>> kLfu{
    "lfu", "Least reused first, then least recently used."};

}  // namespace
}  // namespace kvsim
