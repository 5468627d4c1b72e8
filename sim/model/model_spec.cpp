#include "sim/model/model_spec.h"

#include <algorithm>

#include <fmt/format.h>

namespace kvsim {
namespace {

std::int64_t divided(std::int64_t n, std::int64_t ways) { return (n + ways - 1) / ways; }

/// in x out weights of which a rank holds 1/ways of the outputs, with or without their bias.
std::int64_t column_cut(std::int64_t in, std::int64_t out, bool bias, std::int64_t ways) {
  return (in + (bias ? 1 : 0)) * divided(out, ways);
}

/// ... of which a rank holds 1/ways of the inputs; the bias is added once, but held everywhere.
std::int64_t row_cut(std::int64_t in, std::int64_t out, bool bias, std::int64_t ways) {
  return divided(in, ways) * out + (bias ? out : 0);
}

std::int64_t latent_attention(const ModelSpec& m, std::int64_t ways) {
  const LatentShape& l = *m.latent;
  const std::int64_t heads = m.attention.heads;
  const std::int64_t query_out = heads * (l.nope_dim + l.rope_dim);
  const std::int64_t query =
      l.q_rank == 0 ? column_cut(m.hidden, query_out, false, ways)
                    : m.hidden * l.q_rank + column_cut(l.q_rank, query_out, false, ways);
  return query + m.hidden * (l.kv_rank + l.rope_dim) +
         column_cut(l.kv_rank, heads * (l.nope_dim + l.value_dim), false, ways) +
         row_cut(heads * l.value_dim, m.hidden, m.attention.out_bias, ways);
}

std::int64_t attention_projections(const ModelSpec& m, std::int64_t ways) {
  if (m.latent) return latent_attention(m, ways);
  const AttentionShape& a = m.attention;
  const std::int64_t kv_out = kv_heads_per_gpu(m, ways) * a.head_dim;
  return column_cut(m.hidden, a.heads * a.head_dim, a.qkv_bias, ways) +
         2 * column_cut(m.hidden, kv_out, a.qkv_bias, 1) +
         row_cut(a.heads * a.head_dim, m.hidden, a.out_bias, ways);
}

/// Norms inside the attention itself, and what else is too small to cut or quantise.
std::int64_t attention_norms(const ModelSpec& m, Mixer mixer) {
  constexpr std::int64_t kGates = 2;  // of the attention and of the feed-forward part
  if (mixer == Mixer::kCross) return 2 * m.attention.head_dim + kGates;
  if (m.latent) return m.latent->q_rank + m.latent->kv_rank;
  if (m.attention.sink_logits) return m.attention.heads;
  return m.attention.qk_norm ? 2 * m.attention.head_dim : 0;
}

std::int64_t mamba2_mixer(const ModelSpec& m, std::int64_t ways) {
  const MambaShape& s = *m.mamba;
  const std::int64_t shared = 2 * divided(s.groups, ways) * s.state;  // B and C
  const std::int64_t inner = divided(s.inner, ways);
  const std::int64_t heads = divided(s.heads, ways);
  const std::int64_t conv = (inner + shared) * (s.conv + (s.conv_bias ? 1 : 0));
  constexpr std::int64_t kPerHead = 3;  // A, D and the bias of dt
  return column_cut(m.hidden, 2 * inner + shared + heads, s.proj_bias, 1) + conv +
         kPerHead * heads + row_cut(s.inner, m.hidden, s.proj_bias, ways);
}

std::int64_t mamba_mixer(const ModelSpec& m, std::int64_t ways) {
  const MambaShape& s = *m.mamba;
  if (s.heads > 0) return mamba2_mixer(m, ways);
  const std::int64_t inner = divided(s.inner, ways);
  const std::int64_t conv = inner * (s.conv + (s.conv_bias ? 1 : 0));
  const std::int64_t ssm = inner * s.state + inner;  // A and D
  return column_cut(m.hidden, 2 * s.inner, s.proj_bias, ways) + conv +
         row_cut(s.inner, s.dt_rank + 2 * s.state, false, ways) +
         column_cut(s.dt_rank, s.inner, true, ways) + ssm +
         row_cut(s.inner, m.hidden, s.proj_bias, ways);
}

std::int64_t matrices(std::int64_t hidden, std::int64_t intermediate, bool gated, bool bias,
                      std::int64_t ways) {
  return (gated ? 2 : 1) * column_cut(hidden, intermediate, bias, ways) +
         row_cut(intermediate, hidden, bias, ways);
}

void add_layer(ParameterCount& sum, const ModelSpec& m, const Layer& layer,
               const Sharding& shards) {
  const std::int64_t ways = shards.tensor;
  sum.norms += m.norms_per_layer * m.hidden * (m.norm_bias ? 2 : 1);
  if (layer.mixer == Mixer::kMamba) {
    sum.mamba += mamba_mixer(m, ways);
    sum.norms +=
        m.mamba->heads > 0 ? divided(m.mamba->inner, ways) : m.mamba->dt_rank + 2 * m.mamba->state;
  } else {
    sum.attention += attention_projections(m, ways);
    sum.norms += attention_norms(m, layer.mixer);
  }
  if (!layer.experts) {
    const FeedForwardShape& f = m.feed_forward;
    sum.feed_forward += matrices(m.hidden, f.intermediate, f.gated, f.bias, ways);
    return;
  }
  const ExpertsShape& e = *m.experts;
  sum.experts += divided(e.count, shards.expert) *
                 matrices(m.hidden, e.intermediate, true, e.bias, shards.expert > 1 ? 1 : ways);
  if (e.shared_intermediate > 0)
    sum.shared_experts += matrices(m.hidden, e.shared_intermediate, true, false, ways);
  sum.routers += e.count * (m.hidden + (e.router_bias ? 1 : 0));
}

/// Layers [first, last) and, at the ends of the model, the embedding and the head.
ParameterCount count_layers(const ModelSpec& m, const Sharding& shards, std::size_t first,
                            std::size_t last) {
  ParameterCount sum;
  for (std::size_t i = first; i < last; ++i) add_layer(sum, m, m.layers[i], shards);
  const std::int64_t table = divided(m.vocab, shards.tensor) * m.hidden;
  if (first == 0) sum.embeddings = table + (m.learned_positions + m.extra_embeddings) * m.hidden;
  if (last == m.layers.size()) {
    sum.norms += m.hidden * (m.norm_bias ? 2 : 1);
    if (!m.tied_embeddings || first > 0) sum.head = table;
  }
  return sum;
}

}  // namespace

std::int64_t ModelSpec::layer_count(Mixer mixer) const {
  return std::count_if(layers.begin(), layers.end(),
                       [mixer](const Layer& layer) { return layer.mixer == mixer; });
}

std::int64_t ModelSpec::attention_layers() const {
  return static_cast<std::int64_t>(layers.size()) - layer_count(Mixer::kMamba);
}

std::optional<std::string> sharding_problem(const ModelSpec& m, Sharding shards) {
  const std::int64_t ways = shards.tensor;
  if (m.attention.heads % ways != 0)
    return fmt::format("{} attention heads cannot be cut {} ways; use a divisor of {}",
                       m.attention.heads, ways, m.attention.heads);
  const std::int64_t kv = m.attention.kv_heads;
  if (!m.latent && kv % ways != 0 && ways % kv != 0)
    return fmt::format(
        "{} KV heads cannot be cut or copied {} ways; use a divisor or multiple of {}", kv, ways,
        kv);
  if (m.mamba && m.mamba->inner % ways != 0)
    return fmt::format("a Mamba mixer {} wide cannot be cut {} ways", m.mamba->inner, ways);
  return std::nullopt;
}

std::int64_t kv_heads_per_gpu(const ModelSpec& model, std::int64_t tensor) {
  return std::max<std::int64_t>(1, model.attention.kv_heads / tensor);
}

ParameterCount count_parameters(const ModelSpec& model, std::int64_t tensor) {
  return count_layers(model, {.tensor = tensor}, 0, model.layers.size());
}

std::vector<std::size_t> stage_bounds(std::size_t layers, std::int64_t stages) {
  const auto count = static_cast<std::size_t>(stages);
  std::vector<std::size_t> sizes(count, layers / count);
  for (std::size_t left = layers % count; left > 0; --left) ++sizes[count - 1 - left];
  std::vector<std::size_t> bounds{0};
  for (const std::size_t size : sizes) bounds.push_back(bounds.back() + size);
  return bounds;
}

ParameterCount count_parameters(const ModelSpec& model, const Sharding& shards) {
  const std::vector<std::size_t> bounds = stage_bounds(model.layers.size(), shards.pipeline);
  ParameterCount fullest;
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    const ParameterCount stage = count_layers(model, shards, bounds[i - 1], bounds[i]);
    if (stage.total() > fullest.total()) fullest = stage;
  }
  return fullest;
}

std::int64_t active_parameters(const ModelSpec& model) {
  const ParameterCount all = count_parameters(model);
  if (!model.experts) return all.total();
  return all.total() -
         all.experts / model.experts->count * (model.experts->count - model.experts->per_token);
}

Bytes weight_bytes(const ParameterCount& parameters, DType weights) {
  constexpr std::int64_t kWide = 2;     // bytes of a 16-bit number
  constexpr std::int64_t kGroup = 128;  // weights that share an fp16 scale
  const std::int64_t quantisable = parameters.quantisable();
  std::int64_t bytes = parameters.kept() * kWide + divided(quantisable * bits_of(weights), 8);
  if (weights == DType::kInt4) bytes += divided(quantisable, kGroup) * kWide;
  return Bytes(bytes);
}

KvLayerBytes kv_layer_bytes(const ModelSpec& model, KvFormat format, std::int64_t tensor) {
  constexpr std::int64_t kTensorScaleBytes = 4;
  const std::int64_t kv_heads = kv_heads_per_gpu(model, tensor);
  // K and V; MLA caches one latent that serves as both.
  const std::int64_t sides = model.latent ? 1 : 2;
  const std::int64_t vectors = model.latent ? 1 : kv_heads;
  const std::int64_t width =
      model.latent ? model.latent->kv_rank + model.latent->rope_dim : model.attention.head_dim;
  KvLayerBytes bytes;
  bytes.token_bits = sides * vectors * width * bits_of(format.dtype);
  if (!is_quantised(format.dtype)) return bytes;
  const std::int64_t values = format.dtype == DType::kInt4 ? 2 : 1;  // a zero point with the scale
  const std::int64_t scale_bits = values * format.scale_bits;
  switch (format.scales) {
    case KvScales::kTensor:
      bytes.fixed = Bytes(sides * values * kTensorScaleBytes);
      break;
    case KvScales::kChannel:
      bytes.per_block = Bytes(vectors * width * scale_bits / 8);
      bytes.token_bits += (sides - 1) * vectors * scale_bits;
      break;
    case KvScales::kToken:
      bytes.token_bits += sides * vectors * scale_bits;
      break;
  }
  return bytes;
}

Bytes kv_token_bytes(const ModelSpec& model, KvFormat format, std::int64_t tensor) {
  const std::int64_t bits =
      kv_layer_bytes(model, format, tensor).token_bits * model.attention_layers();
  return Bytes((bits + 7) / 8);
}

Bytes sequence_bytes(const ModelSpec& model, KvFormat format, Tokens length, std::int64_t tensor) {
  const std::int64_t bits = kv_layer_bytes(model, format, tensor).token_bits;
  const std::int64_t tokens =
      model.layer_count(Mixer::kAttention) * length.value() +
      model.layer_count(Mixer::kLocal) * model.local.visible(length).value();
  return Bytes((bits * tokens + 7) / 8) + state_bytes(model, tensor);
}

Bytes state_layer_bytes(const ModelSpec& model, std::int64_t tensor) {
  if (!model.mamba) return Bytes();
  const MambaShape& m = *model.mamba;
  const std::int64_t inner = divided(m.inner, tensor);
  // Mamba-2 convolves B and C too.
  const std::int64_t convolved = inner + 2 * divided(m.groups, tensor) * m.state;
  return Bytes((convolved * (m.conv - 1) + inner * m.state) * bits_of(model.activation) / 8);
}

Bytes state_bytes(const ModelSpec& model, std::int64_t tensor) {
  return state_layer_bytes(model, tensor) * model.layer_count(Mixer::kMamba);
}

}  // namespace kvsim
