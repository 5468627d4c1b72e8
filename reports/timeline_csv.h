#pragma once
// timeline.csv: a Timeline as a table.
//
// Columns carry the names of vLLM's Prometheus metrics where it has one; reports/README.md says
// what each means.

#include <string>

#include "reports/timeline.h"

namespace kvsim {

/// Requires that the run has ended.
[[nodiscard]] std::string timeline_csv(const Timeline& timeline);

}  // namespace kvsim
