#pragma once
// Deployment: how a config says a model is served: number formats, cuts, block size, longest
// length.

#include "sim/core/config_view.h"
#include "sim/core/units.h"
#include "sim/model/model_spec.h"

namespace kvsim {

struct Deployment {
  DType weights = DType::kBf16;
  KvFormat kv;
  Sharding shards;
  Tokens block;
  Tokens max_model_len;
};

/// Resolves every `auto` and default against the model. Throws InputError for what does not go
/// together: a cut that leaves no whole heads, a length the model was not made for, scales without
/// quantisation.
[[nodiscard]] Deployment read_deployment(const ModelSpec& model, const ConfigView& config);

}  // namespace kvsim
