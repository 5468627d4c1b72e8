#include "reports/html/map_recorder.h"

#include <algorithm>
#include <chrono>

#include "sim/model/allocator.h"

namespace kvsim {
namespace {

constexpr Duration kFirstInterval = std::chrono::milliseconds(10);
constexpr std::int64_t kSmallMemory = 1024;  // blocks: drawn in a fraction of a millisecond

}  // namespace

void MapRecorder::on_step(const StepRecord& step) {
  if (step.replica.index != 0 || step.cache == nullptr) return;
  ticks_.note(step.cache->ticks(), step.start);
  if (!due(step.start)) return;
  take(step);
  if (snapshots_.size() == kMostSnapshots) thin_out();
  due_ = snapshots_.back().at + interval_;
}

void MapRecorder::take(const StepRecord& step) {
  const MemoryMap map = step.cache->map();
  if (snapshots_.empty()) {
    const Tokens block = step.cache->block();
    grid_ =
        CellGrid::over(map.patches, block, std::max(block, Tokens(step.cache->slots_per_block())));
    interval_ = kFirstInterval * std::max<std::int64_t>(1, grid_.blocks / kSmallMemory);
  }
  const AgeOf age_of = [&](std::uint64_t tick) {
    const Duration age = step.start - ticks_.when(tick);
    return std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
  };
  snapshots_.push_back({step.start, step.running, step.memory, cells_of(map, grid_, age_of),
                        prefix_tree(map.prefixes, age_of, kMostNodes)});
}

void MapRecorder::thin_out() {
  for (std::size_t i = 0; 2 * i < snapshots_.size(); ++i)
    std::swap(snapshots_[i], snapshots_[2 * i]);
  snapshots_.resize(snapshots_.size() / 2);
  interval_ *= 2;
}

}  // namespace kvsim
