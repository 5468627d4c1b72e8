// GDSF: reuse times the cost of computing a token again, ageing.
//
// The cost of an entry over its size is the price of one token at its depth: a constant for the
// matrices, and as much again for attention at about 32 Ki tokens of context, where the two are
// equal in models of 5,000 to 8,000 channels.
// Source: Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
// Policy", HP Labs HPL-98-69R1, 1998.

#include "policies/eviction/aged.h"

namespace kvsim {
namespace {

constexpr std::uint64_t kAttentionDoubles = 32'768;

std::uint64_t reuse_times_cost(const CacheEntry& e) {
  return (std::uint64_t{e.hits} + 1) * (kAttentionDoubles + e.depth);
}

const Registered<EvictionPolicy, AgedEviction<reuse_times_cost>> kGdsf{
    "gdsf", "Least (reuse x cost to compute again) first, ageing."};

}  // namespace
}  // namespace kvsim
