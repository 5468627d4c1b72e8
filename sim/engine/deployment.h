#pragma once
// Deployment: how a config says a model is served: number formats, cuts, blocks, longest length.

#include "sim/core/config_view.h"
#include "sim/core/units.h"
#include "sim/model/kv_layout.h"
#include "sim/model/model_spec.h"

namespace kvsim {

struct Deployment {
  DType weights = DType::kBf16;
  KvFormat kv;
  Sharding shards;
  /// Ranks, replicas of everything but the routed experts, which they share.
  std::int64_t data_parallel = 1;
  Tokens max_model_len;
  bool grouped = false;  ///< `layout` is by groups, not uniform.
  KvLayout layout;       ///< Its block may be larger than block_size: a Mamba state fits one.
};

/// What `model`'s layout depends on, grouped or not.
[[nodiscard]] LayoutPlan read_layout_plan(const ModelSpec& model, const ConfigView& config);

/// Resolves every `auto` and default against the model. Throws InputError for what does not go
/// together: a cut that leaves no whole heads, a length the model was not made for, scales without
/// quantisation.
[[nodiscard]] Deployment read_deployment(const ModelSpec& model, const ConfigView& config);

}  // namespace kvsim
