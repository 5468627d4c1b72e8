#pragma once
// PassWork: what one forward pass asks of one GPU, before anybody prices it: the shapes of its
// matrices, heads and states, after tensor parallelism has cut them.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/engine/deployment.h"
#include "sim/model/attention/kernel_law.h"
#include "sim/model/model_spec.h"

namespace kvsim {

/// Bytes of a step and FLOPs of a token (or of a sampled row).
struct Work {
  double bytes = 0;
  double flops = 0;
};

/// `count` matrices of `in` rows and `out` columns, each applied to every token.
struct Linear {
  double out = 0, in = 0;
  double count = 0;
};

struct RoutedExperts {
  double count = 0, per_token = 0;
  double layers = 0;
  /// Bytes of all that the GPU holds, in all layers; its FLOPs of a token, were all GPUs as busy.
  Work work;
  std::int64_t gpus = 1;   ///< That the experts are dealt out to; 1: each has a slice of every one.
  std::int64_t ranks = 1;  ///< Data-parallel ranks among them.
};

struct PassWork {
  PassWork(const ModelSpec& model, const Deployment& d);

  DType weights = DType::kBf16;
  std::vector<Linear> linears;  ///< All dense ones in `weights`' format, equal ones counted.
  Linear head;                  ///< In 16 bits.
  Work dense;                   ///< Of all linears, with biases, norms and routers.
  Work head_work;
  std::optional<RoutedExperts> experts;

  double layers = 0, full_layers = 0, local_layers = 0;
  HeadShape heads;  ///< Of a layer that attends; MLA's latent counts as its KV.
  double kv_heads = 0;
  DType kv = DType::kBf16;
  bool latent = false;
  double decode_pair_flops = 0, prefill_pair_flops = 0;
  double residual_bytes = 0, inner_bytes = 0;  ///< Of a token in a layer.
  double state_bytes = 0;                      ///< Mamba: read and written, of a sequence.
  std::int64_t ways = 1;                       ///< GPUs that share the pass.
  double hidden = 0;
};

}  // namespace kvsim
