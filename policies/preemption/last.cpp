// Last: the most recently admitted sequence gives way, as in vLLM's FCFS scheduling
// (vllm/v1/core/sched/scheduler.py: running.pop()). It loses the least invested time.

#include "sim/model/preemption_policy.h"

namespace kvsim {
namespace {

class Last final : public PreemptionPolicy {
 public:
  explicit Last(const Setup& /*setup*/) {}
  [[nodiscard]] std::size_t victim(std::span<const SequenceId> running,
                                   const Sequences& /*sequences*/) const override {
    return running.size() - 1;
  }
};

const Registered<PreemptionPolicy, Last> kLast{"last", "The most recently admitted gives way."};

}  // namespace
}  // namespace kvsim
