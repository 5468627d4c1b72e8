// FILO: the youngest entry goes first, however often it was reused; what came first stays.
// Source: SGLang's FILOStrategy (python/sglang/srt/mem_cache/evict_policy.py).

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

auto youth(const CacheEntry& e) { return ~e.created; }

const Registered<EvictionPolicy, RankedEviction<youth>> kFilo{
    "filo", "Youngest first, however often it was reused."};

}  // namespace
}  // namespace kvsim
