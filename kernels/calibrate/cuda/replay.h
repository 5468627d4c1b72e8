#pragma once
// How a launch is timed.
//
// A graph of many launches, each over other memory than the last, so that no cache helps: at least
// 512 MB of it, or 64 sets. The graph takes about 2 ms; it is replayed three times to warm up, then
// 11 times for the median and the spread, up to 25 if they spread by more than 2 %.

#include <cstdint>
#include <functional>

#include "kernels/calibrate/host/statistics.h"
#include "kernels/gpu/launch.h"

namespace kvsim::calibrate {

/// Queues one launch that works on memory set `set`.
using Enqueue = std::function<void(gpu::Stream stream, int set)>;

/// Sets of `bytes` each that a launch must rotate over.
[[nodiscard]] int rotating_sets(double bytes);

/// Microseconds of one launch. Throws std::runtime_error if CUDA does.
[[nodiscard]] Spread time_replays(const Enqueue& enqueue, int sets);

/// The same, launched one by one without a graph.
[[nodiscard]] Spread time_launches(const Enqueue& enqueue, int sets);

}  // namespace kvsim::calibrate
