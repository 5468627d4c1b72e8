#pragma once
// steps.jsonl: single steps of a run, with the block tables they ran on.
//
// A sample of the steps, each equally likely (reservoir sampling: Vitter, "Random Sampling with a
// Reservoir", ACM TOMS 11(1), 1985, algorithm R), from a random stream of its own: memory follows
// the sample, not the run. reports/README.md says what a line holds.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reports/atomic_file.h"
#include "sim/core/rng.h"
#include "sim/model/observer.h"

namespace kvsim {

class StepsJsonl final : public Observer {
 public:
  /// Everything goes to `sink` at on_end. Requires count > 0.
  StepsJsonl(Sink sink, std::size_t count, std::uint64_t seed);
  void on_step(const StepRecord& step) override;
  void on_end(Time now) override;

 private:
  Sink sink_;
  std::size_t count_;
  Rng random_;
  std::uint64_t seen_ = 0;
  std::vector<std::uint64_t> picked_;           ///< Numbers of the steps in lines_.
  std::map<std::uint64_t, std::string> lines_;  ///< By number.
};

}  // namespace kvsim
