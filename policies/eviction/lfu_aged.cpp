// LFU with dynamic ageing: what was popular once cannot stay for ever.
// Source: Arlitt, Cherkasova, Dilley, Friedrich, Jin, "Evaluating Content Management Techniques for
// Web Proxy Caches", SIGMETRICS Performance Evaluation Review 27(4), 2000 (LFU-DA).

#include "policies/eviction/aged.h"

namespace kvsim {
namespace {

std::uint64_t uses(const CacheEntry& e) { return std::uint64_t{e.hits} + 1; }

const Registered<EvictionPolicy, AgedEviction<uses>> kLfuAged{
    "lfu-aged", "Least reused first, reuse counting less as the cache turns over."};

}  // namespace
}  // namespace kvsim
