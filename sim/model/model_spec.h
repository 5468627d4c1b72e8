#pragma once
// ModelSpec: what a transformer's shape costs in memory: parameters, weight bytes, KV bytes.
//
// Read from a Hugging Face config.json (hf_config.h). Everything is derived from the shapes of the
// layers, none of it is a guess: the tests hold the sums against the published parameter counts.
// Tensor parallelism follows vLLM: heads, feed-forward columns and vocabulary are cut, KV heads are
// cut until one is left per GPU and copied from there on, norms, routers and MLA's down-projections
// are copied.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/core/units.h"
#include "sim/model/dtype.h"
#include "sim/model/local_span.h"

namespace kvsim {

/// Multi-head (kv_heads == heads), grouped-query, or multi-query (kv_heads == 1) attention.
struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  bool qkv_bias = false;
  bool out_bias = false;
  bool sink_logits = false;  ///< One learned logit per head beside the keys' (gpt-oss).
  bool qk_norm = false;      ///< One norm of head_dim for the queries, one for the keys (Qwen3).
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): one latent per token is cached.
struct LatentShape {
  std::int64_t q_rank = 0;  ///< 0: queries are projected directly.
  std::int64_t kv_rank = 0;
  std::int64_t rope_dim = 0;
  std::int64_t nope_dim = 0;
  std::int64_t value_dim = 0;
};

struct FeedForwardShape {
  std::int64_t intermediate = 0;
  bool gated = true;  ///< Three matrices (gate, up, down), not two.
  bool bias = false;
};

struct ExpertsShape {
  std::int64_t count = 0;
  std::int64_t per_token = 0;
  std::int64_t intermediate = 0;
  std::int64_t shared_intermediate = 0;  ///< Width of what every token passes; 0: nothing.
  bool router_bias = false;
  bool bias = false;
};

/// Mamba mixer: the first kind (arXiv 2312.00752) as in Jamba, or Mamba-2 (arXiv 2405.21060).
struct MambaShape {
  std::int64_t inner = 0;
  std::int64_t state = 0;
  std::int64_t conv = 0;
  std::int64_t dt_rank = 0;  ///< Of the first kind.
  std::int64_t heads = 0;    ///< Of Mamba-2; 0: the first kind.
  std::int64_t groups = 0;   ///< Of Mamba-2: heads of a group share B and C.
  bool conv_bias = true;
  bool proj_bias = false;
};

enum class Mixer : std::uint8_t {
  kAttention,
  kLocal,  ///< Attention over what ModelSpec::local lets it see.
  kCross,  ///< Attention over a request's image tokens; caches theirs only.
  kMamba,  ///< No KV: a state of constant size per sequence.
};

struct Layer {
  Mixer mixer = Mixer::kAttention;
  bool experts = false;  ///< Its feed-forward part is the mixture of experts.
};

/// How finely a quantised cache is scaled. int4 has a zero point beside every scale.
enum class KvScales : std::uint8_t {
  kTensor,   ///< One fp32 scale of a layer's K and one of its V, beside the pool.
  kChannel,  ///< One per channel of K in every block, and V as below (KIVI, arXiv 2402.02750).
  kToken,    ///< One per token and KV head for K, and one for V, beside the block.
};

struct KvFormat {
  DType dtype = DType::kBf16;
  KvScales scales = KvScales::kTensor;
  std::int64_t scale_bits = 16;  ///< Of a scale within a block.
};

/// Bytes of KV in one layer on one GPU.
struct KvLayerBytes {
  std::int64_t token_bits = 0;  ///< Elements and per-token scales of one token.
  Bytes per_block;              ///< Per-channel scales of one block.
  Bytes fixed;                  ///< Per-tensor scales, whatever is cached.
  [[nodiscard]] Bytes of_block(Tokens block) const {
    return Bytes((token_bits * block.value() + 7) / 8) + per_block;
  }
};

/// Parameters on one GPU, by what they do.
struct ParameterCount {
  std::int64_t attention = 0;     ///< Projections with their biases.
  std::int64_t mamba = 0;         ///< Mixers.
  std::int64_t feed_forward = 0;  ///< Dense ones.
  std::int64_t experts = 0;       ///< Routed ones, all of them.
  std::int64_t shared_experts = 0;
  std::int64_t routers = 0;
  std::int64_t norms = 0;
  std::int64_t embeddings = 0;  ///< Of tokens and of learned positions.
  std::int64_t head = 0;        ///< 0 if it is the embedding (tied).

  /// The matrices that quantising the weights shrinks.
  [[nodiscard]] std::int64_t quantisable() const {
    return attention + mamba + feed_forward + experts + shared_experts;
  }
  [[nodiscard]] std::int64_t kept() const { return routers + norms + embeddings + head; }
  [[nodiscard]] std::int64_t total() const { return quantisable() + kept(); }
};

/// How many GPUs share the model: `tensor` ways within a layer, `pipeline` runs of layers. Routed
/// experts are cut like other matrices, or, whole, dealt out over `expert` GPUs.
struct Sharding {
  std::int64_t tensor = 1;
  std::int64_t pipeline = 1;
  std::int64_t expert = 1;
};

struct ModelSpec {
  std::string name;
  std::string family;  ///< HF's model_type.
  std::string source;  ///< Where the figures come from; may be empty.

  std::int64_t hidden = 0;
  std::int64_t vocab = 0;
  std::int64_t learned_positions = 0;
  std::int64_t extra_embeddings = 0;  ///< Tokens the head never gives (an image's place).
  bool tied_embeddings = false;
  std::int64_t norms_per_layer = 2;
  bool norm_bias = false;
  Tokens max_positions;
  LocalSpan local;  ///< What the local layers see.

  AttentionShape attention;
  std::optional<LatentShape> latent;
  FeedForwardShape feed_forward;
  std::optional<ExpertsShape> experts;
  std::optional<MambaShape> mamba;
  std::vector<Layer> layers;

  DType activation = DType::kBf16;  ///< What it computes in; `auto` of the KV cache.
  DType stored = DType::kBf16;      ///< What the checkpoint holds; `auto` of the weights.

  [[nodiscard]] std::int64_t layer_count(Mixer mixer) const;
  /// Layers that cache KV.
  [[nodiscard]] std::int64_t attention_layers() const;
};

/// Empty if `model` can be cut so; else why not, and what can be said instead.
[[nodiscard]] std::optional<std::string> sharding_problem(const ModelSpec& model, Sharding shards);

/// The first layer of each of `stages` runs of `layers` layers, and the end of the last. As vLLM
/// deals them out (get_pp_indices): what is left over goes to the runs before the last, from the
/// back, because the last has the head too. Requires stages <= layers.
[[nodiscard]] std::vector<std::size_t> stage_bounds(std::size_t layers, std::int64_t stages);

/// KV heads one of `tensor` GPUs holds: at least one, then copies.
[[nodiscard]] std::int64_t kv_heads_per_gpu(const ModelSpec& model, std::int64_t tensor);

/// Parameters of one tensor rank of the whole model (one GPU if `tensor` is 1).
[[nodiscard]] ParameterCount count_parameters(const ModelSpec& model, std::int64_t tensor = 1);
/// Parameters of the fullest GPU.
[[nodiscard]] ParameterCount count_parameters(const ModelSpec& model, const Sharding& shards);
/// Parameters that compute on one token: all of them but the experts not chosen.
[[nodiscard]] std::int64_t active_parameters(const ModelSpec& model);

/// Quantised weights keep norms, routers, embeddings and head in 16 bits; int4 carries one fp16
/// scale for every 128 weights (GPTQ and AWQ checkpoints), fp8 and int8 scales are not counted.
[[nodiscard]] Bytes weight_bytes(const ParameterCount& parameters, DType weights);

/// One layer's KV on one of `tensor` GPUs. MLA's latent is whole on each of them.
[[nodiscard]] KvLayerBytes kv_layer_bytes(const ModelSpec& model, KvFormat format,
                                          std::int64_t tensor = 1);
/// KV of one token over all attention layers, per-channel scales left out (they come per block).
[[nodiscard]] Bytes kv_token_bytes(const ModelSpec& model, KvFormat format,
                                   std::int64_t tensor = 1);
/// What a sequence of `length` tokens without images must keep: local layers what they see.
/// Whole model on one GPU, without block rounding, state included.
[[nodiscard]] Bytes sequence_bytes(const ModelSpec& model, KvFormat format, Tokens length,
                                   std::int64_t tensor = 1);
/// Mamba state of one sequence in one layer, whatever its length; vLLM keeps it in the model's own
/// dtype.
[[nodiscard]] Bytes state_layer_bytes(const ModelSpec& model, std::int64_t tensor = 1);
/// The same over all Mamba layers.
[[nodiscard]] Bytes state_bytes(const ModelSpec& model, std::int64_t tensor = 1);

}  // namespace kvsim
