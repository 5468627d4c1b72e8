#pragma once
// A shard: which points of a sweep one worker runs, and where a worker learns which it is.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kvsim {

/// Every `count`-th point, from the `index`-th on: neighbours in a grid take about as long, so the
/// shards do too.
struct Shard {
  std::int64_t index = 0;
  std::int64_t count = 1;

  [[nodiscard]] bool holds(std::int64_t point) const { return point % count == index; }
};

/// More than any engine takes.
inline constexpr std::int64_t kMostShards = 1'000'000;

/// "3/8", as --shard says it. Throws InputError unless 0 <= K < N <= kMostShards.
[[nodiscard]] Shard parse_shard(const std::string& text);

/// getenv, or what a test puts in its place.
using Environment = std::function<const char*(const char* name)>;

/// What the engine that started this worker says of it: a Slurm array (SLURM_ARRAY_TASK_ID, _MIN,
/// _MAX, _COUNT, _STEP), a Kubernetes Indexed Job (JOB_COMPLETION_INDEX, and KVSIM_SHARDS for how
/// many), Open MPI (OMPI_COMM_WORLD_RANK, _SIZE). Nobody: all of it. Throws InputError where that
/// cannot be right: an array with gaps does not say how many parts there are.
[[nodiscard]] Shard shard_from(const Environment& environment);

/// 3, 7, 8, 9 as "3,7-9", as sbatch --array takes it. Requires ascending numbers.
[[nodiscard]] std::string index_ranges(const std::vector<std::int64_t>& indices);

}  // namespace kvsim
