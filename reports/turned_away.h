#pragma once
// What a fleet did not serve: requests turned away by admission control, or lost with a replica.

#include <string_view>
#include <vector>

#include "sim/model/report.h"

namespace kvsim {

struct TurnedAway {
  std::int64_t requests = 0;
  std::string_view why;  ///< "rejected: ..." or "lost ...".
};

/// Those there are.
[[nodiscard]] std::vector<TurnedAway> turned_away(const Report::Requests& requests);

}  // namespace kvsim
