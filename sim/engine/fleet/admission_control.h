#pragma once
// Admission control: who is turned away at the door, so that those inside are served in time.

#include <cstdint>
#include <map>
#include <optional>

#include "sim/core/config_view.h"
#include "sim/model/observer.h"
#include "sim/model/router.h"

namespace kvsim {

class AdmissionControl {
 public:
  /// Reads /admission.
  explicit AdmissionControl(const ConfigView& config);

  /// May one more of this priority come now? If so it counts against its rate.
  [[nodiscard]] bool within_rate(Time now, std::int32_t priority);
  /// Why `replica` is sent no more for now, if so.
  [[nodiscard]] std::optional<Rejection> full(const ReplicaView& replica, Tokens prompt) const;
  /// May no more wait outside of `replicas` of them?
  [[nodiscard]] bool queue_full(std::size_t waiting, std::size_t replicas) const;

  [[nodiscard]] bool caps_queues() const { return max_waiting_.has_value(); }
  [[nodiscard]] bool caps_tokens() const { return max_tokens_.has_value(); }
  [[nodiscard]] bool caps_rates() const { return !rates_.empty(); }

 private:
  // The generic cell rate algorithm (ITU-T I.371), a leaky bucket in integers: requests come an
  // `interval` apart on average, and up to `slack` ahead of that.
  struct Rate {
    Duration interval{};
    Duration slack{};
    Time expected{};  // of the next one, at the full rate
  };
  void read_rates(const ConfigView& config);

  std::optional<std::size_t> max_waiting_;
  std::optional<Tokens> max_tokens_;
  std::map<std::int32_t, Rate> rates_;  // by priority
};

}  // namespace kvsim
