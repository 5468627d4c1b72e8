// Largest: the sequence that holds the most tokens gives way: fewest preemptions per byte gained,
// dearest to recompute.

#include "policies/preemption/ranked_victim.h"

namespace kvsim {
namespace {

auto size(const Sequence& s) { return s.computed; }

const Registered<PreemptionPolicy, RankedVictim<size>> kLargest{
    "largest", "The one holding the most tokens gives way."};

}  // namespace
}  // namespace kvsim
