#pragma once
// Pipeline: the stages that steps pass one after the other, and when each of them is free again.
//
// A step enters a stage when it has left the one before and the step before it has left this one:
// C[i][s] = max(C[i][s-1], C[i-1][s]) + t[i][s], a flow shop in order of arrival. Nothing of a
// bubble is assumed: m equal steps over p stages take (m + p - 1) t, of which GPipe's share
// (p - 1) / (m + p - 1) (Huang et al. 2019) is idle; decodes that fill p steps keep every stage
// busy; decodes that were all admitted by one step stay together, and leave p - 1 stages idle.
// The last is what vLLM V1 does: its scheduler plans a step whenever fewer than p are on their way,
// from whoever is in none of them (vllm/v1/engine/core.py, step_with_batch_queue), and nothing
// evens the steps out (its issue 41682).
// Cost: O(stages) a step.

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/model/cost_model.h"

namespace kvsim {

class Pipeline {
 public:
  explicit Pipeline(const CostModel& cost) : cost_(cost), free_(cost.stages()) {}

  [[nodiscard]] std::size_t stages() const { return free_.size(); }
  /// When the next step may enter.
  [[nodiscard]] Time entrance_free() const { return free_.front(); }
  /// A step enters at `now` or later, when the entrance is free, takes `slowness` times its price,
  /// and leaves at `until` or later; when it has passed.
  Time pass(Time now, const StepShape& shape, double slowness, Time until) {
    for (std::size_t stage = 0; stage < free_.size(); ++stage) {
      now = std::max(now, free_[stage]) + slowed(cost_.price_stage(shape, stage), slowness);
      free_[stage] = now;
    }
    return free_.back() = std::max(now, until);
  }

  /// All stages are free.
  void clear() { std::fill(free_.begin(), free_.end(), Time{}); }

 private:
  static Duration slowed(Duration price, double factor) {
    if (factor == 1) return price;
    return Duration(std::llround(static_cast<double>(price.count()) * factor));
  }

  const CostModel& cost_;
  std::vector<Time> free_;  // of each stage
};

}  // namespace kvsim
