#include "sim/model/hf_config.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "sim/core/spelling.h"
#include "sim/model/json_fields.h"

namespace kvsim {
namespace {

// Ranges: far beyond any model there is, and small enough that no sum of ours leaves 64 bits.
constexpr std::int64_t kMostHidden = 1 << 16;
constexpr std::int64_t kMostIntermediate = 1 << 18;
constexpr std::int64_t kMostLayers = 512;
constexpr std::int64_t kMostHeads = 1024;
constexpr std::int64_t kMostHeadDim = 1024;
constexpr std::int64_t kMostVocab = 1 << 24;
constexpr std::int64_t kMostPositions = 1 << 27;
constexpr std::int64_t kMostExperts = 1024;
constexpr std::int64_t kMostRank = 1 << 14;

void all_layers(ModelSpec& m, const JsonFields& f, Layer layer) {
  m.layers.assign(static_cast<std::size_t>(f.integer("num_hidden_layers", 1, kMostLayers)), layer);
}

// What nearly every decoder states under the same keys.
void read_decoder(ModelSpec& m, const JsonFields& f) {
  m.hidden = f.integer("hidden_size", 1, kMostHidden);
  m.vocab = f.integer("vocab_size", 1, kMostVocab);
  m.max_positions = Tokens(f.integer("max_position_embeddings", 1, kMostPositions));
  m.feed_forward.intermediate = f.integer("intermediate_size", 1, kMostIntermediate);
  m.attention.heads = f.integer("num_attention_heads", 1, kMostHeads);
  m.attention.kv_heads =
      f.integer_or("num_key_value_heads", m.attention.heads, 1, m.attention.heads);
  if (m.attention.heads % m.attention.kv_heads != 0)
    f.fail("num_key_value_heads", fmt::format("expected a divisor of {} attention heads, got {}",
                                              m.attention.heads, m.attention.kv_heads));
  if (!f.has("head_dim") && m.hidden % m.attention.heads != 0)
    f.fail("head_dim", fmt::format("missing, and hidden_size {} is no multiple of {} heads",
                                   m.hidden, m.attention.heads));
  m.attention.head_dim = f.integer_or("head_dim", m.hidden / m.attention.heads, 1, kMostHeadDim);
  m.tied_embeddings = f.boolean_or("tie_word_embeddings", false);
  all_layers(m, f, {});
}

void read_llama(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  m.attention.qkv_bias = m.attention.out_bias = f.boolean_or("attention_bias", false);
  m.feed_forward.bias = f.boolean_or("mlp_bias", false);
}

// "layer_types", the list newer configs state a layer's mixer with.
Mixer mixer_of(const JsonFields& f, const nlohmann::ordered_json& word) {
  if (word == "full_attention" || word == "attention") return Mixer::kAttention;
  if (word == "sliding_attention" || word == "chunked_attention") return Mixer::kLocal;
  if (word == "mamba") return Mixer::kMamba;
  f.fail("layer_types", fmt::format("no layer named {}; known: attention, chunked_attention, "
                                    "full_attention, mamba, sliding_attention",
                                    word.dump()));
}

void read_layer_types(ModelSpec& m, const JsonFields& f) {
  const auto& list = f.raw("layer_types");
  if (!list.is_array() || list.size() != m.layers.size())
    f.fail("layer_types", fmt::format("expected a list of {} names", m.layers.size()));
  for (std::size_t i = 0; i < m.layers.size(); ++i) m.layers[i].mixer = mixer_of(f, list[i]);
  if (m.attention_layers() == 0) f.fail("layer_types", "leaves no layer that attends");
}

void window_all(ModelSpec& m, const JsonFields& f) {
  if (!f.has("sliding_window")) return;
  m.local.window = Tokens(f.integer("sliding_window", 1, kMostPositions));
  all_layers(m, f, {Mixer::kLocal});
}

void read_mistral(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  window_all(m, f);
}

// Ministral: windowed layers between full ones.
void read_ministral(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  m.local.window = Tokens(f.integer("sliding_window", 1, kMostPositions));
  read_layer_types(m, f);
  if (m.layer_count(Mixer::kMamba) > 0) f.fail("layer_types", "kvsim knows no such Ministral");
}

// The k experts a token is sent to, out of `count_key`.
void read_experts(ModelSpec& m, const JsonFields& f, const std::string& count_key,
                  std::int64_t intermediate) {
  ExpertsShape e;
  e.count = f.integer(count_key, 1, kMostExperts);
  e.per_token = f.integer("num_experts_per_tok", 1, e.count);
  e.intermediate = intermediate;
  m.experts = e;
}

void read_mixtral(ModelSpec& m, const JsonFields& f) {
  read_mistral(m, f);
  read_experts(m, f, "num_local_experts", m.feed_forward.intermediate);
  for (Layer& layer : m.layers) layer.experts = true;
}

// Qwen2: biases on Q, K and V that no key tells of. Its sliding_window counts only if switched on.
void read_qwen2(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  m.attention.qkv_bias = true;
  if (!f.boolean_or("use_sliding_window", false)) return;
  m.local.window = Tokens(f.integer("sliding_window", 1, kMostPositions));
  const auto full = static_cast<std::size_t>(f.integer("max_window_layers", 0, kMostLayers));
  for (std::size_t i = full; i < m.layers.size(); ++i) m.layers[i].mixer = Mixer::kLocal;
}

void read_qwen3(ModelSpec& m, const JsonFields& f) {
  read_qwen2(m, f);
  m.attention.qkv_bias = m.attention.out_bias = f.boolean_or("attention_bias", false);
  m.attention.qk_norm = true;
}

void read_qwen3_moe(ModelSpec& m, const JsonFields& f) {
  read_qwen3(m, f);
  read_experts(m, f, "num_experts", f.integer("moe_intermediate_size", 1, kMostIntermediate));
  const auto step =
      static_cast<std::size_t>(f.integer_or("decoder_sparse_step", 1, 1, kMostLayers));
  for (std::size_t i = 0; i < m.layers.size(); ++i) m.layers[i].experts = (i + 1) % step == 0;
  if (f.has("mlp_only_layers") && !f.raw("mlp_only_layers").empty())
    f.fail("mlp_only_layers", "kvsim reads only an empty list here");
}

// Gemma 2: norms before and after both halves of a layer; every other layer, from the first on, is
// windowed.
void read_gemma2(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  m.attention.head_dim = f.integer("head_dim", 1, kMostHeadDim);
  m.attention.qkv_bias = m.attention.out_bias = f.boolean_or("attention_bias", false);
  m.tied_embeddings = f.boolean_or("tie_word_embeddings", true);
  m.norms_per_layer = 4;
  m.local.window = Tokens(f.integer("sliding_window", 1, kMostPositions));
  for (std::size_t i = 0; i < m.layers.size(); i += 2) m.layers[i].mixer = Mixer::kLocal;
}

// Gemma 3: as Gemma 2, but only every sixth layer sees everything, and queries and keys are normed.
void read_gemma3(ModelSpec& m, const JsonFields& f) {
  read_gemma2(m, f);
  m.attention.qk_norm = true;
  const auto pattern =
      static_cast<std::size_t>(f.integer_or("sliding_window_pattern", 6, 1, kMostLayers));
  for (std::size_t i = 0; i < m.layers.size(); ++i)
    m.layers[i].mixer = (i + 1) % pattern == 0 ? Mixer::kAttention : Mixer::kLocal;
}

// gpt-oss: biases everywhere, windowed and full layers in turns.
void read_gpt_oss(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  m.attention.qkv_bias = m.attention.out_bias = true;
  m.attention.sink_logits = true;
  m.local.window = Tokens(f.integer("sliding_window", 1, kMostPositions));
  read_layer_types(m, f);
  if (m.layer_count(Mixer::kMamba) > 0) f.fail("layer_types", "kvsim knows no such gpt-oss");
  read_experts(m, f, "num_local_experts", m.feed_forward.intermediate);
  m.experts->router_bias = m.experts->bias = true;
  for (Layer& layer : m.layers) layer.experts = true;
}

// Llama 4, its language half: three layers that attend within chunks, then a full one without RoPE.
void read_llama4(ModelSpec& m, const JsonFields& top) {
  constexpr std::int64_t kFullEvery = 4;
  const JsonFields f = top.object("text_config");
  read_decoder(m, f);
  const std::int64_t width = m.feed_forward.intermediate;
  m.feed_forward.intermediate = f.integer("intermediate_size_mlp", 1, kMostIntermediate);
  m.local.chunk = Tokens(f.integer("attention_chunk_size", 1, kMostPositions));
  read_experts(m, f, "num_local_experts", width);
  m.experts->shared_intermediate = width;
  const auto full =
      static_cast<std::size_t>(f.integer_or("no_rope_layer_interval", kFullEvery, 1, kMostLayers));
  const auto step =
      static_cast<std::size_t>(f.integer_or("interleave_moe_layer_step", 1, 1, kMostLayers));
  for (std::size_t i = 0; i < m.layers.size(); ++i) {
    m.layers[i].mixer = (i + 1) % full == 0 ? Mixer::kAttention : Mixer::kLocal;
    m.layers[i].experts = (i + 1) % step == 0;
  }
}

// Llama 3.2 Vision, its language half: some layers attend to the image's tokens only.
void read_mllama(ModelSpec& m, const JsonFields& top) {
  constexpr std::int64_t kImagePlaceholders = 8;
  const JsonFields f = top.object("text_config");
  read_decoder(m, f);
  m.extra_embeddings = kImagePlaceholders;
  const auto& list = f.raw("cross_attention_layers");
  if (!list.is_array()) f.fail("cross_attention_layers", "expected a list of layers");
  for (const auto& layer : list) {
    if (!layer.is_number_unsigned() || layer.get<std::uint64_t>() >= m.layers.size())
      f.fail("cross_attention_layers", fmt::format("expected layers from 0 to {}, got {}",
                                                   m.layers.size() - 1, layer.dump()));
    m.layers[layer.get<std::size_t>()].mixer = Mixer::kCross;
  }
  if (m.layer_count(Mixer::kAttention) == 0)
    f.fail("cross_attention_layers", "leaves no layer that attends to text");
}

// DeepSeek-V2 and V3: latent attention; the first layers are dense, the others mix experts.
void read_deepseek(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  LatentShape l;
  l.q_rank = f.integer_or("q_lora_rank", 0, 1, kMostRank);
  l.kv_rank = f.integer("kv_lora_rank", 1, kMostRank);
  l.rope_dim = f.integer("qk_rope_head_dim", 1, kMostHeadDim);
  l.nope_dim = f.integer("qk_nope_head_dim", 1, kMostHeadDim);
  l.value_dim = f.integer("v_head_dim", 1, kMostHeadDim);
  m.latent = l;
  const std::int64_t width = f.integer("moe_intermediate_size", 1, kMostIntermediate);
  read_experts(m, f, "n_routed_experts", width);
  m.experts->shared_intermediate = f.integer_or("n_shared_experts", 0, 0, kMostExperts) * width;
  const auto dense = static_cast<std::size_t>(f.integer("first_k_dense_replace", 0, kMostLayers));
  const auto every = static_cast<std::size_t>(f.integer_or("moe_layer_freq", 1, 1, kMostLayers));
  for (std::size_t i = dense; i < m.layers.size(); ++i) m.layers[i].experts = i % every == 0;
}

// V3 balances its experts with a bias per expert instead of a loss.
void read_deepseek_v3(ModelSpec& m, const JsonFields& f) {
  read_deepseek(m, f);
  m.experts->router_bias = true;
}

void read_mamba(ModelSpec& m, const JsonFields& f) {
  constexpr std::int64_t kMostExpand = 16;
  constexpr std::int64_t kMostState = 1024;
  constexpr std::int64_t kMostConv = 64;
  MambaShape s;
  s.inner = m.hidden * f.integer("mamba_expand", 1, kMostExpand);
  s.state = f.integer("mamba_d_state", 1, kMostState);
  s.conv = f.integer("mamba_d_conv", 1, kMostConv);
  s.dt_rank = f.integer("mamba_dt_rank", 1, kMostHidden);
  s.conv_bias = f.boolean_or("mamba_conv_bias", true);
  s.proj_bias = f.boolean_or("mamba_proj_bias", false);
  m.mamba = s;
}

void read_mamba2(ModelSpec& m, const JsonFields& f) {
  constexpr std::int64_t kMostState = 1024;
  constexpr std::int64_t kMostConv = 64;
  MambaShape s;
  s.heads = f.integer("mamba_n_heads", 1, kMostHeads);
  s.inner = s.heads * f.integer("mamba_d_head", 1, kMostHeadDim);
  s.state = f.integer("mamba_d_state", 1, kMostState);
  s.conv = f.integer("mamba_d_conv", 1, kMostConv);
  s.groups = f.integer("mamba_n_groups", 1, s.heads);
  s.conv_bias = f.boolean_or("mamba_conv_bias", true);
  s.proj_bias = f.boolean_or("mamba_proj_bias", false);
  m.mamba = s;
}

// Granite 4: Mamba-2 mixers with attention now and then, experts and a shared one in every layer.
void read_granite4(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  m.attention.qkv_bias = m.attention.out_bias = f.boolean_or("attention_bias", false);
  read_mamba2(m, f);
  read_layer_types(m, f);
  if (m.layer_count(Mixer::kLocal) > 0) f.fail("layer_types", "kvsim knows no such Granite");
  read_experts(m, f, "num_local_experts", m.feed_forward.intermediate);
  m.experts->shared_intermediate = f.integer("shared_intermediate_size", 1, kMostIntermediate);
  for (Layer& layer : m.layers) layer.experts = true;
}

// Jamba: Mamba mixers with attention every so often, experts every so often.
void read_jamba(ModelSpec& m, const JsonFields& f) {
  read_decoder(m, f);
  read_mamba(m, f);
  read_experts(m, f, "num_experts", m.feed_forward.intermediate);
  const auto place = [&f](const std::string& key, std::int64_t low) {
    return static_cast<std::size_t>(f.integer(key, low, kMostLayers));
  };
  const std::size_t attention_period = place("attn_layer_period", 1);
  const std::size_t attention_offset = place("attn_layer_offset", 0);
  const std::size_t expert_period = place("expert_layer_period", 1);
  const std::size_t expert_offset = place("expert_layer_offset", 0);
  for (std::size_t i = 0; i < m.layers.size(); ++i) {
    const bool attends = i % attention_period == attention_offset;
    m.layers[i].mixer = attends ? Mixer::kAttention : Mixer::kMamba;
    m.layers[i].experts = m.experts->count > 1 && i % expert_period == expert_offset;
  }
  if (m.attention_layers() == 0) f.fail("attn_layer_offset", "leaves no layer that attends");
}

// OPT: biases everywhere, LayerNorms, learned positions (two more than it says), tied embeddings.
void read_opt(ModelSpec& m, const JsonFields& f) {
  constexpr std::int64_t kUnusedPositions = 2;
  m.hidden = f.integer("hidden_size", 1, kMostHidden);
  m.vocab = f.integer("vocab_size", 1, kMostVocab);
  m.max_positions = Tokens(f.integer("max_position_embeddings", 1, kMostPositions));
  m.learned_positions = m.max_positions.value() + kUnusedPositions;
  m.feed_forward = {f.integer("ffn_dim", 1, kMostIntermediate), false, true};
  m.attention.heads = f.integer("num_attention_heads", 1, kMostHeads);
  if (m.hidden % m.attention.heads != 0)
    f.fail("hidden_size", fmt::format("expected a multiple of {} attention heads, got {}",
                                      m.attention.heads, m.hidden));
  m.attention.kv_heads = m.attention.heads;
  m.attention.head_dim = m.hidden / m.attention.heads;
  m.attention.qkv_bias = m.attention.out_bias = true;
  m.norm_bias = true;
  m.tied_embeddings = f.boolean_or("tie_word_embeddings", true);
  all_layers(m, f, {});
  if (f.integer_or("word_embed_proj_dim", m.hidden, 1, kMostHidden) != m.hidden)
    f.fail("word_embed_proj_dim", "kvsim reads only models whose embeddings are hidden_size wide");
  if (!f.boolean_or("do_layer_norm_before", true))
    f.fail("do_layer_norm_before", "kvsim reads only models that normalise before");
}

struct Family {
  std::string_view model_type;
  std::string_view architecture;
  void (*read)(ModelSpec&, const JsonFields&);
};
constexpr std::array kFamilies{
    Family{"deepseek_v2", "DeepseekV2ForCausalLM", read_deepseek},
    Family{"deepseek_v3", "DeepseekV3ForCausalLM", read_deepseek_v3},
    Family{"gemma2", "Gemma2ForCausalLM", read_gemma2},
    Family{"gemma3_text", "Gemma3ForCausalLM", read_gemma3},
    Family{"gpt_oss", "GptOssForCausalLM", read_gpt_oss},
    Family{"granitemoehybrid", "GraniteMoeHybridForCausalLM", read_granite4},
    Family{"jamba", "JambaForCausalLM", read_jamba},
    Family{"llama", "LlamaForCausalLM", read_llama},
    Family{"llama4", "Llama4ForConditionalGeneration", read_llama4},
    Family{"ministral", "MinistralForCausalLM", read_ministral},
    Family{"mistral", "MistralForCausalLM", read_mistral},
    Family{"mixtral", "MixtralForCausalLM", read_mixtral},
    Family{"mllama", "MllamaForConditionalGeneration", read_mllama},
    Family{"opt", "OPTForCausalLM", read_opt},
    Family{"qwen2", "Qwen2ForCausalLM", read_qwen2},
    Family{"qwen3", "Qwen3ForCausalLM", read_qwen3},
    Family{"qwen3_moe", "Qwen3MoeForCausalLM", read_qwen3_moe},
};

const Family& family_of(const JsonFields& f) {
  const std::string type = f.text("model_type");
  for (const Family& family : kFamilies)
    if (family.model_type == type) return family;
  const std::vector<std::string> known = model_families();
  f.fail("model_type", fmt::format("no model family named '{}'; known: {}{}", type, joined(known),
                                   did_you_mean(type, known)));
}

// A fine-tune with another head (a classifier, a vision tower) has other layers than we would
// count.
void check_architecture(const JsonFields& f, const Family& family) {
  if (!f.has("architectures")) return;
  const auto& list = f.raw("architectures");
  if (!list.is_array() || list.empty() || !list[0].is_string())
    f.fail("architectures", "expected a list of names");
  const auto name = list[0].get<std::string>();
  if (name != family.architecture)
    f.fail("architectures/0", fmt::format("no architecture named '{}' in family {}; known: {}{}",
                                          name, family.model_type, family.architecture,
                                          did_you_mean(name, {std::string(family.architecture)})));
}

// float32 checkpoints are served in 16 bits (vLLM's --dtype auto).
DType read_activation(const JsonFields& f) {
  const std::string key = f.has("torch_dtype") || !f.has("dtype") ? "torch_dtype" : "dtype";
  const std::string word = f.text(key);
  if (word == "bfloat16" || word == "float32") return DType::kBf16;
  if (word == "float16") return DType::kFp16;
  f.fail(key, fmt::format("no dtype named '{}'; known: bfloat16, float16, float32", word));
}

DType read_stored(const JsonFields& f, DType activation) {
  if (!f.has("quantization_config")) return activation;
  const JsonFields q = f.object("quantization_config");
  const std::string method = q.text("quant_method");
  if (method == "fp8") return DType::kFp8;
  if (method == "awq" || method == "gptq")
    return q.integer("bits", 4, 8) == 4 ? DType::kInt4 : DType::kInt8;
  q.fail("quant_method", fmt::format("no method named '{}'; known: awq, fp8, gptq", method));
}

}  // namespace

std::vector<std::string> model_families() {
  std::vector<std::string> names;
  names.reserve(kFamilies.size());
  for (const Family& family : kFamilies) names.emplace_back(family.model_type);
  return names;
}

ModelSpec parse_model(std::string_view text, const std::string& file, std::string name) {
  const nlohmann::ordered_json document = parse_json(text, file);
  const JsonFields fields(document, file);
  const Family& family = family_of(fields);
  check_architecture(fields, family);
  ModelSpec model;
  model.name = std::move(name);
  model.family = family.model_type;
  family.read(model, fields);
  model.activation = read_activation(fields);
  model.stored = read_stored(fields, model.activation);
  if (fields.has("_kvsim")) model.source = fields.object("_kvsim").text("source");
  return model;
}

std::optional<std::int64_t> published_parameters(std::string_view text, const std::string& file) {
  const nlohmann::ordered_json document = parse_json(text, file);
  const JsonFields fields(document, file);
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  if (!fields.has("_kvsim") || !fields.object("_kvsim").has("parameters")) return std::nullopt;
  return fields.object("_kvsim").integer("parameters", 1, kMost);
}

}  // namespace kvsim
