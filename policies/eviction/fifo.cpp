// FIFO: the oldest entry goes first, however often it was reused.
// Source: SGLang's FIFOStrategy (python/sglang/srt/mem_cache/evict_policy.py).

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto birth(const CacheEntry& e) { return e.created; }

const Registered<EvictionPolicy, RankedEviction<birth>> kFifo{
    "fifo", "Oldest first, however often it was reused."};

}  // namespace
}  // namespace kvsim
