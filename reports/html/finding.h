#pragma once
// What a run comes down to, in one sentence: the title of its page.

#include <string>

#include "sim/model/report.h"

namespace kvsim {

/// The first of these that is so, with its figures: requests were lost; memory ran short (1 % of
/// all tokens computed again, or more); most of the time to the first token is queueing; memory was
/// mostly wasted; otherwise how much of it was needed.
[[nodiscard]] std::string finding(const Report& report);
/// Where the figures come from: the line below.
[[nodiscard]] std::string source_of(const Report& report);

}  // namespace kvsim
