#pragma once
// MapRecorder: what lay where in the first replica's memory, at a few moments of the run.
//
// Drawing all memory costs time in proportion to it, so a large memory is drawn less often at
// first. When the snapshots run out every second one is dropped and the interval doubles: their
// number, and the memory of the recorder, do not grow with the run.

#include <vector>

#include "reports/html/map_cells.h"
#include "reports/html/prefix_tree.h"
#include "reports/html/tick_times.h"
#include "sim/model/observer.h"

namespace kvsim {

class MapRecorder final : public Observer {
 public:
  static constexpr std::size_t kMostSnapshots = 16;
  static constexpr std::size_t kMostNodes = 300;  ///< Of each snapshot's tree.

  struct Snapshot {
    Time at{};
    std::size_t running = 0;
    MemoryUse memory;
    MapCells cells;
    PrefixTree tree;
  };

  [[nodiscard]] bool looks_closely(Time now, ReplicaId where) const override {
    return where.index == 0 && due(now);
  }
  void on_step(const StepRecord& step) override;

  [[nodiscard]] const CellGrid& grid() const { return grid_; }
  /// In order of time.
  [[nodiscard]] const std::vector<Snapshot>& snapshots() const { return snapshots_; }

 private:
  [[nodiscard]] bool due(Time now) const { return snapshots_.empty() || now >= due_; }
  void take(const StepRecord& step);
  void thin_out();

  CellGrid grid_;
  TickTimes ticks_;
  std::vector<Snapshot> snapshots_;
  Duration interval_{};
  Time due_{};  ///< Of the next snapshot.
};

}  // namespace kvsim
