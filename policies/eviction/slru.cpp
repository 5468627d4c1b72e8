// SLRU: entries on probation (fewer than two hits) go before protected ones; LRU within each.
// One-time prompts cannot push out what has proved useful.
// Source: SGLang's SLRUStrategy (python/sglang/srt/mem_cache/evict_policy.py).

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto segment_then_age(const CacheEntry& e) { return std::tuple(e.hits >= 2, e.last_used); }

const Registered<EvictionPolicy, RankedEviction<segment_then_age>> kSlru{
    "slru", "LRU, entries with fewer than two hits before all others."};

}  // namespace
}  // namespace kvsim
