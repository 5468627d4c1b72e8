#pragma once
// One cache of one size over a whole trace: each request finishes before the next starts, answers
// are not cached. Any registered eviction policy; two rules of what a prefix cache may give up.
//
// Costs: O(1) per reference plus the policy's own; under `tree` it is asked about leaves only.

#include "sim/engine/curve/residents.h"

namespace kvsim {

/// Real prefix caches: only blocks without a resident child go, and none of the request being
/// served. Ticks give the blocks of one request to one instant, deeper ones counting as older. When
/// nothing can go, the rest of the request stays out; with `bypass` also when it is wanted again no
/// sooner than the victim (requires ReplaySetup::next). `optimal` with bypass is the offline
/// optimum: each block is wanted no later than its children, so that the blocks wanted soonest,
/// which MIN keeps (Belady 1966; Mattson et al. 1970, with bypass), are always whole prefixes.
[[nodiscard]] ReplayCounts replay_tree(const ReplaySetup& setup, bool bypass);

/// Ordinary caches of single blocks: any block may go, a path may have holes, and what lies behind
/// a hole is no hit. Every block step takes a tick of its own; newcomers are always let in.
[[nodiscard]] ReplayCounts replay_flat(const ReplaySetup& setup);

}  // namespace kvsim
