#pragma once
// The matrices and heads of a model, from its Hugging Face config.json.

#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"

namespace kvsim::calibrate {

/// A dense transformer of equal layers: attention, then a gated feed-forward.
struct ModelShape {
  int layers = 0, hidden = 0, intermediate = 0, vocabulary = 0;
  Heads heads{};

  /// Queries, keys and values of a token.
  [[nodiscard]] int qkv() const { return (heads.q + 2 * heads.kv) * heads.dim; }
};

/// `word`: a file, or the name of one in configs/models. Throws BadInput for what cannot be read or
/// is no such model (experts, latent attention, head_dim without a kernel).
[[nodiscard]] ModelShape read_model(const std::string& word);

/// The linear layers of one layer over `rows` tokens, in order: qkv, output, gate and up, down.
[[nodiscard]] std::vector<GemmCase> layer_gemms(const ModelShape& model, int rows);

}  // namespace kvsim::calibrate
