#pragma once
// Recorder: everything that the page of a run shows and its summary does not hold.
//
// A few observers side by side. Memory does not grow with the run.

#include <span>
#include <vector>

#include "reports/html/latencies.h"
#include "reports/html/laws.h"
#include "reports/html/losses.h"
#include "reports/html/map_recorder.h"
#include "reports/timeline.h"

namespace kvsim {

class Recorder {
 public:
  /// What a comparison draws of each run, or everything.
  enum class Detail : std::uint8_t { kSome, kAll };
  explicit Recorder(Detail detail);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  [[nodiscard]] std::span<Observer* const> watchers() const { return watchers_; }

  Detail detail;
  Latencies latencies;
  Timeline timeline;
  Laws laws;
  Losses losses;
  MapRecorder map;

 private:
  std::vector<Observer*> watchers_;
};

}  // namespace kvsim
