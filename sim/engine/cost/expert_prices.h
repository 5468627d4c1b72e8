#pragma once
// ExpertPrices: what a mixture of experts takes, and what bringing tokens to their experts does.
//
// Tokens choose their k of E experts independently and alike, so a step of n tokens is expected to
// touch E (1 - (1 - k/E)^n) of them, whose weights are read once. Where whole experts are dealt out
// over GPUs (expert parallelism), the step waits for the GPU that got the most tokens: of the
// n k choices a GPU gets a share that is nearly normal, and the largest of G such is at Blom's
// quantile (G - 3/8) / (G + 1/4) (Blom 1958), never more than all of its experts can get.
// /moe/imbalance says it outright: real routers have favourites, and placing copies of those (EPLB)
// evens them out again; neither is known here.
//
// Sent to its experts only, a token goes once to every GPU that has some of them, and once over the
// network to every node (DeepEP).
//
// With data parallelism every rank is taken to be as busy as the one that is priced: the experts
// get its tokens times the ranks. In truth ranks wait for the busiest, and idle ones compute dummy
// batches.

#include "sim/core/config_view.h"
#include "sim/engine/cost/collectives.h"
#include "sim/engine/cost/pass_work.h"
#include "sim/engine/cost/speed.h"

namespace kvsim {

/// The load of the busiest of `gpus` over the mean, when each of `tokens` chooses `per_token` of
/// `experts` at random. Requires `tokens` to be positive.
[[nodiscard]] double expected_imbalance(double tokens, double per_token, double experts,
                                        double gpus);

class ExpertPrices {
 public:
  ExpertPrices(const RoutedExperts& experts, double hidden, const Speed& speed,
               const Collectives& collectives, const ConfigView& config);

  /// All layers' experts, of a step of `tokens` on this rank.
  [[nodiscard]] double seconds(double tokens) const;
  /// Tokens to the ranks that have their experts, and back. Within a rank nothing moves: all its
  /// GPUs have all its tokens, and the sum after the experts is the layer's all-reduce.
  [[nodiscard]] double exchange(double tokens) const;

 private:
  RoutedExperts experts_;
  double token_bytes_;
  Speed speed_;
  Collectives collectives_;
  GpuGroup ranks_, everybody_;  // one GPU of each rank; all GPUs
  double imbalance_ = 0;        // 0: as expected
  bool direct_ = false;         // tokens go to their experts only, not to all ranks
};

}  // namespace kvsim
