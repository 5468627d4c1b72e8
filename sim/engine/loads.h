#pragma once
// Loads: KV on its way into a replica's pool.

#include <span>
#include <vector>

#include "sim/core/units.h"
#include "sim/model/kv_connector.h"
#include "sim/model/step.h"

namespace kvsim {

class Loads {
 public:
  /// `connector` may be null: then nothing is ever loaded.
  explicit Loads(KvConnector* connector) : connector_(connector) {}

  [[nodiscard]] bool watch_evictions() const {
    return connector_ != nullptr && connector_->watches_evictions();
  }
  [[nodiscard]] bool any_under_way() const { return !under_way_.empty(); }

  /// Makes room as `gone` asks and begins what `plan` wants loaded.
  struct Begun {
    Time step_may_start{};    ///< The room it writes has been copied out.
    Time step_lasts_until{};  ///< What it loads by the way is there.
  };
  [[nodiscard]] Begun begin(const StepPlan& plan, std::span<const Eviction> gone,
                            const Sequences& sequences);
  /// When the loads that the last begin() began apart from the step will be there.
  [[nodiscard]] std::span<const Time> ends() const { return ends_; }
  /// Those that are there by `now`, in the order of their ends.
  [[nodiscard]] std::span<const SequenceId> take_arrived(Time now);
  /// Those that have failed and will never be there, in the order of their ends.
  [[nodiscard]] std::span<const SequenceId> take_failed(const Sequences& sequences);
  /// `s` has come and waits.
  void queued(const Sequence& s, Time now) const {
    if (connector_ != nullptr) connector_->queued(s, now);
  }
  void admitted(const Sequence& s, Time now) const {
    if (connector_ != nullptr) connector_->admitted(s, now);
  }
  /// `s` has its first s.computed tokens in the pool.
  void computed(const Sequence& s, Time now) const {
    if (connector_ != nullptr) connector_->computed(s, now);
  }
  /// The replica is down, and its pool gone.
  void abandon(Time now) {
    under_way_.clear();
    if (connector_ != nullptr) connector_->lost(now);
  }
  /// Does `s`, whose load has just begun, wait for it while others run?
  [[nodiscard]] bool apart(const Sequence& s) const { return connector_->loads_apart(s); }
  void arrived(const Sequence& s, Time now) const { connector_->arrived(s, now); }

 private:
  struct UnderWay {
    Time end{};
    SequenceId sequence;
  };
  KvConnector* connector_;
  std::vector<UnderWay> under_way_;  // by end, equals as they began
  std::vector<Time> ends_;
  std::vector<SequenceId> over_;
};

}  // namespace kvsim
