// Hybrid: LRU within three priority tiers (below normal, normal, above normal).
//
// Unlike `priority`, levels inside a tier do not matter, so a hot entry of an unimportant request
// survives a cold one of a slightly more important one: tiers protect, nobody starves inside one.

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

int tier(std::int32_t priority) { return priority < 0 ? 0 : priority == 0 ? 1 : 2; }

auto tier_then_age(const CacheEntry& e) { return std::tuple(tier(e.priority), e.last_used); }

const Registered<EvictionPolicy, RankedEviction<tier_then_age>> kHybrid{
    "hybrid", "LRU within three priority tiers: below, at and above normal."};

}  // namespace
}  // namespace kvsim
