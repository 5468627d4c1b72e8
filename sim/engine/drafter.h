#pragma once
// Drafter: the network that guesses tokens ahead, as memory and time see it.
//
// draft_model: a whole smaller model beside the target, cut over the same GPUs (vLLM's default), in
// the format of its checkpoint, with a KV cache of its own in the target's format.
// eagle: one more attention layer on the target's states, with a KV cache of its own; embedding and
// head are the target's (EAGLE, Li et al., ICML 2024, arXiv 2401.15077). Approximated by a layer
// like the target's first; what merges a state with an embedding is not counted.
// ngram: a search on the host, in the host's time of a step.

#include <optional>

#include "sim/engine/deployment.h"
#include "sim/model/model_spec.h"

namespace kvsim {

struct Drafter {
  ModelSpec model;
  DType weights = DType::kBf16;
  bool own_head = true;  ///< Embedding and head are its own, not the target's.

  /// What it adds to one of `tensor` GPUs, unless the target's pipeline ends elsewhere.
  [[nodiscard]] Bytes weights_per_gpu(std::int64_t tensor) const;
  /// What its KV adds to a block of the pool: where layers are in groups, every group's blocks bear
  /// an equal share of it.
  [[nodiscard]] Bytes kv_block_bytes(const Deployment& target) const;
};

/// The one that /speculative names, if it is a network. Throws InputError for a smaller model that
/// is not named, cannot be cut so, or has another vocabulary.
[[nodiscard]] std::optional<Drafter> load_drafter(const ModelSpec& target, const Deployment& d,
                                                  const ConfigView& config);

}  // namespace kvsim
