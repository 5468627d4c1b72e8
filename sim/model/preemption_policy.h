#pragma once
// Which *running* sequence gives way when a running one cannot grow?
//
// Not to be confused with eviction, which gives up cached blocks that nobody runs on.

#include <span>

#include "sim/core/config_view.h"
#include "sim/core/registry.h"
#include "sim/model/sequence.h"

namespace kvsim {

class PreemptionPolicy {
 public:
  struct Setup {
    const ConfigView& config;
  };
  virtual ~PreemptionPolicy() = default;
  /// Index into `running` (in order of admission, never empty) of the one to preempt.
  [[nodiscard]] virtual std::size_t victim(std::span<const SequenceId> running,
                                           const Sequences& sequences) const = 0;
};

}  // namespace kvsim
