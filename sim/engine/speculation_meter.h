#pragma once
// SpeculationMeter: how well guessing tokens ahead went. Named after vLLM's vllm:spec_decode_*.

#include <vector>

#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

class SpeculationMeter final : public Observer {
 public:
  void on_verified(Time now, const Sequence& s, Tokens drafted, Tokens accepted) override;

  [[nodiscard]] SpeculationReport result() const;

 private:
  struct Position {
    std::int64_t drafted = 0, accepted = 0;
  };
  std::int64_t drafts_ = 0;
  std::vector<Position> positions_;
};

}  // namespace kvsim
