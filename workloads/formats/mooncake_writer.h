#pragma once
// Writes Mooncake rows, and AIPerf's with sessions (the format: mooncake.cpp).

#include <memory>

#include "workloads/trace_format.h"

namespace kvsim {

/// With `sessions`, later turns that repeat all of their conversation are written as AIPerf has
/// them: what they add, and their delay. Otherwise every row tells its whole prompt and its time.
[[nodiscard]] std::unique_ptr<TraceWriter> make_mooncake_writer(const WriteOptions& options,
                                                                bool sessions);

}  // namespace kvsim
