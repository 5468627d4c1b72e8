// MRU: the most recently used entry goes first. Right for endless scans, where LRU never hits.
// Source: SGLang's MRUStrategy (python/sglang/srt/mem_cache/evict_policy.py).

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto newest_use(const CacheEntry& e) { return ~e.last_used; }

const Registered<EvictionPolicy, RankedEviction<newest_use>> kMru{"mru",
                                                                  "Most recently used first."};

}  // namespace
}  // namespace kvsim
