#pragma once
// When the last of many jobs is done, if each goes to the machine that is free first.
//
// Graham's list scheduling (SIAM J. Appl. Math. 17, 1969), which is also how a GPU hands blocks to
// its multiprocessors. Jobs of equal size are placed together, so the cost follows the number of
// distinct sizes and loads and not the number of jobs.

#include <cstdint>
#include <span>

namespace kvsim {

struct JobClass {
  std::int64_t size = 0;
  std::int64_t count = 0;
};

/// Largest load of `machines` (> 0) after all jobs were placed in the order given.
[[nodiscard]] std::int64_t makespan(std::span<const JobClass> jobs, std::int64_t machines);

}  // namespace kvsim
