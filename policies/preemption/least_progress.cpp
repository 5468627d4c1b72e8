// Least progress: the sequence with the fewest output tokens gives way, the longest prompt among
// equals. Source: SGLang's retraction order (python/sglang/srt/managers/schedule_batch.py).

#include <tuple>

#include "policies/preemption/ranked_victim.h"

namespace kvsim {
namespace {

auto least_done(const Sequence& s) { return std::tuple(-s.generated, s.request.prompt); }

const Registered<PreemptionPolicy, RankedVictim<least_done>> kLeastProgress{
    "least-progress", "The fewest output tokens give way, then the longest prompt."};

}  // namespace
}  // namespace kvsim
