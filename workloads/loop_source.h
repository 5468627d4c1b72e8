#pragma once
// A workload that can also say how a request came to arrive, so that it can be written down again.

#include <optional>

#include "sim/model/workload_source.h"

namespace kvsim {

class LoopSource : public WorkloadSource {
 public:
  /// The pause after the end of its session's last turn with which the request taken last arrived;
  /// none if it arrived by schedule.
  [[nodiscard]] virtual std::optional<Duration> pause() const = 0;
};

}  // namespace kvsim
