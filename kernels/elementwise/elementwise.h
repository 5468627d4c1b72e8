#pragma once
// The small kernels between the products of a transformer layer, for timing whole steps: each
// reads and writes every byte once, 16 bytes per thread at a time. Element: gpu::Bf16 or gpu::Fp16;
// rows are multiples of 8 elements; arithmetic is in float. (Rotation of queries and keys is part
// of KV append: kernels/append.)

#include <cstdint>

#include "kernels/gpu/launch.h"

namespace kvsim {

/// out = x / sqrt(mean(x^2) + epsilon) * weight (RMSNorm, arXiv 1910.07467), where x is in or, with
/// a residual, in + residual rounded to Element, which then replaces the residual.
struct RmsNormArgs {
  const void* in = nullptr;      ///< [tokens, hidden]
  void* residual = nullptr;      ///< [tokens, hidden] or null
  const void* weight = nullptr;  ///< [hidden]
  void* out = nullptr;           ///< [tokens, hidden]; may be in
  int hidden = 0;                ///< At most 32768.
  float epsilon = 0;
};
template <class Element>
void launch_rms_norm(const RmsNormArgs& args, int tokens, gpu::Stream stream);

/// out = gate / (1 + exp(-gate)) * up (SwiGLU, arXiv 2002.05202).
struct SiluMulArgs {
  const void* gate_up = nullptr;  ///< [tokens, 2, width]: gate, then up
  void* out = nullptr;            ///< [tokens, width]
  int width = 0;
};
template <class Element>
void launch_silu_mul(const SiluMulArgs& args, int tokens, gpu::Stream stream);

/// Row ids[token] of the table.
struct EmbeddingArgs {
  const std::int32_t* ids = nullptr;  ///< [tokens]
  const void* table = nullptr;        ///< [vocabulary, hidden]
  void* out = nullptr;                ///< [tokens, hidden]
  int hidden = 0;
};
template <class Element>
void launch_embedding(const EmbeddingArgs& args, int tokens, gpu::Stream stream);

/// Greedy sampling: the index of the largest logit, of equals the first. A NaN is never larger.
struct ArgmaxArgs {
  const void* logits = nullptr;  ///< [tokens, vocabulary]
  std::int32_t* out = nullptr;   ///< [tokens]
  int vocabulary = 0;
};
template <class Element>
void launch_argmax(const ArgmaxArgs& args, int tokens, gpu::Stream stream);

}  // namespace kvsim
