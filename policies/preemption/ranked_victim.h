#pragma once
// RankedVictim: the running sequence with the greatest rank gives way; the later admitted of
// equals.

#include "sim/model/preemption_policy.h"

namespace kvsim {

template <auto Rank>
class RankedVictim final : public PreemptionPolicy {
 public:
  explicit RankedVictim(const PreemptionPolicy::Setup& /*setup*/) {}
  [[nodiscard]] std::size_t victim(std::span<const SequenceId> running,
                                   const Sequences& sequences) const override {
    std::size_t worst = 0;
    for (std::size_t i = 1; i < running.size(); ++i)
      if (Rank(sequences[running[i]]) >= Rank(sequences[running[worst]])) worst = i;
    return worst;
  }
};

}  // namespace kvsim
