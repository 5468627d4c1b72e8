#pragma once
// What else moved between two runs: the figures behind a difference, and nothing more.
//
// No causes are invented. A clue is a figure of memory, reuse or scheduling; clues of different
// units are put on one scale (shares by their difference in points, counts by their relative
// difference), the three that moved most are told, in the order in which a server works: memory,
// reuse, lost work, batch. Of a mean latency, queueing is a summand (latency = queue + service for
// each request), so its share of the difference is told exactly.

#include <string>
#include <string_view>

#include "reports/figures.h"

namespace kvsim {

/// "hit rate 65.60 % against 59.60 %, ..." with `joint` between the two; clues that only one of
/// them has are passed over. `figure` is the one to explain, a key of Figures. Empty if no clue
/// moved.
[[nodiscard]] std::string what_moved(const Figures& first, const Figures& second,
                                     std::string_view joint, std::string_view figure);

/// What a run alone says of itself, where there is nothing to compare to: queueing, memory, reuse.
[[nodiscard]] std::string state_of(const Figures& figures);

}  // namespace kvsim
