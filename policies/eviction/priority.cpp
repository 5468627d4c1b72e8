// Priority: entries of less important requests go first; the least recently used among equals.
// Kind to service levels, but a cold important entry outlives any hot unimportant one.
// Source: SGLang's PriorityStrategy (python/sglang/srt/mem_cache/evict_policy.py).

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto priority_then_age(const CacheEntry& e) { return std::tuple(e.priority, e.last_used); }

const Registered<EvictionPolicy, RankedEviction<priority_then_age>> kPriority{
    "priority", "Lowest request priority first, then least recently used."};

}  // namespace
}  // namespace kvsim
