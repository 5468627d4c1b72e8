#include "sim/model/attention/list_schedule.h"

#include <algorithm>
#include <vector>

#include "sim/core/check.h"

namespace kvsim {
namespace {

/// Machines that carry equal loads.
struct Level {
  std::int64_t load = 0;
  std::int64_t machines = 0;
};

/// Levels in ascending order, no two alike.
void insert(std::vector<Level>& levels, Level level) {
  const auto at =
      std::lower_bound(levels.begin(), levels.end(), level.load,
                       [](const Level& each, std::int64_t load) { return each.load < load; });
  if (at != levels.end() && at->load == level.load) {
    at->machines += level.machines;
  } else {
    levels.insert(at, level);
  }
}

}  // namespace

std::int64_t makespan(std::span<const JobClass> jobs, std::int64_t machines) {
  KVSIM_CHECK(machines > 0, "there is a machine");
  std::vector<Level> levels{{0, machines}};
  for (auto [size, count] : jobs) {
    if (size == 0) continue;
    while (count > 0) {
      // Loads no further apart than a job: every machine gets one before any gets two.
      if (count >= machines && levels.back().load - levels.front().load <= size) {
        for (Level& level : levels) level.load += count / machines * size;
        count %= machines;
        continue;
      }
      const Level lowest = levels.front();
      const std::int64_t placed = std::min(count, lowest.machines);
      levels.front().machines -= placed;
      if (levels.front().machines == 0) levels.erase(levels.begin());
      insert(levels, {lowest.load + size, placed});
      count -= placed;
    }
  }
  return levels.back().load;
}

}  // namespace kvsim
