#include "kernels/calibrate/host/model_shape.h"

#include <cmath>

#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/files.h"
#include "kernels/calibrate/host/json.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

constexpr double kMost = 1 << 24;

int positive(const Json& config, const char* key) {
  const double value = config.at(key).number();
  if (value < 1 || value > kMost || value != std::floor(value))
    throw JsonError(text(key, ": expected a whole number from 1 on"));
  return static_cast<int>(value);
}

bool has(const Json& config, const char* key) {
  const Json* value = config.find(key);
  return value != nullptr && !value->is_null();
}

ModelShape shape_of(const Json& config) {
  for (const char* other : {"num_local_experts", "num_experts", "n_routed_experts", "kv_lora_rank"})
    if (has(config, other))
      throw JsonError(text(other, ": only dense models with ordinary attention are timed"));
  ModelShape m;
  m.layers = positive(config, "num_hidden_layers");
  m.hidden = positive(config, "hidden_size");
  m.intermediate = positive(config, "intermediate_size");
  m.vocabulary = positive(config, "vocab_size");
  m.heads.q = positive(config, "num_attention_heads");
  m.heads.kv =
      has(config, "num_key_value_heads") ? positive(config, "num_key_value_heads") : m.heads.q;
  m.heads.dim = has(config, "head_dim") ? positive(config, "head_dim") : m.hidden / m.heads.q;
  DecodeCase attention;
  attention.heads = m.heads;
  (void)decode_kernel_of(attention);  // throws where there is none
  return m;
}

}  // namespace

ModelShape read_model(const std::string& word) {
  const bool path = word.find('/') != std::string::npos || word.ends_with(".json");
  const std::string file = path ? word : text("configs/models/", word, ".json");
  const std::string content = read_file(file);
  try {
    return shape_of(Json::parse(content));
  } catch (const std::runtime_error& problem) {
    throw BadInput(text(file, ": ", problem.what()));
  }
}

std::vector<GemmCase> layer_gemms(const ModelShape& m, int rows) {
  return {{rows, m.qkv(), m.hidden},
          {rows, m.hidden, m.heads.q * m.heads.dim},
          {rows, 2 * m.intermediate, m.hidden},
          {rows, m.hidden, m.intermediate}};
}

}  // namespace kvsim::calibrate
