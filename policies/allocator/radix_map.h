#pragma once
// The three levels, drawn: every page with its story, the tree, the rows.

#include <vector>

#include "policies/allocator/radix_cache.h"
#include "sim/model/memory_map.h"

namespace kvsim {

/// `rows` are all rows there are. Pages in a run that have one story are one patch.
[[nodiscard]] MemoryMap map_of(const RadixCache& cache, const std::vector<RequestRow>& rows);

}  // namespace kvsim
