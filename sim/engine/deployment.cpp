#include "sim/engine/deployment.h"

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field("/dtype", "auto", "dtype", dtype_words,
               "Weights: auto is what the checkpoint holds; the KV cache has its own dtype."),
    integer_field("/tensor_parallel_size", "1", "GPUs", 1, 1024,
                  "GPUs that share every layer; KV heads are copied once there are more GPUs."),
    integer_field(
        "/pipeline_parallel_size", "1", "GPUs", 1, 512,
        "Runs of layers on GPUs of their own: pipeline stages, as many steps on their way "
        "(vllm batching)."),
    integer_field("/data_parallel_size", "1", "ranks", 1, 1024,
                  "Replicas that share their routed experts (with enable_expert_parallel); each of "
                  "/replicas is one of them."),
    boolean_field("/enable_expert_parallel", "false",
                  "Routed experts are dealt out whole over the tensor_parallel_size * "
                  "data_parallel_size GPUs, not cut."),
    integer_field("/max_model_len", "null", "tokens", 1, 1 << 27,
                  "Longest sequence served; null is the model's max_position_embeddings."),
    integer_field("/cache/block_size", "16", "tokens", 1, 8192, "Tokens in a KV block (a page)."),
    word_field("/cache/kv_cache_dtype", "auto", "dtype", dtype_words,
               "KV cache: auto is what the model computes in."),
    word_field(
        "/cache/kv_scales", "tensor", "layout",
        [] {
          return std::vector<std::string>{"tensor", "channel", "token"};
        },
        "Scales of a quantised KV cache: one per layer for K and V, or per channel of K in each "
        "block and per token and head of V, or per token and head of both. int4 adds zero points."),
    word_field(
        "/cache/kv_scale_dtype", "fp16", "dtype",
        [] {
          return std::vector<std::string>{"fp16", "fp32"};
        },
        "Scales per channel or token; vLLM's int8_per_token_head keeps fp32. One per layer is "
        "fp32."),
    word_field(
        "/cache/groups", "model", "layout",
        [] {
          return std::vector<std::string>{"model", "uniform"};
        },
        "model: windowed, chunked and Mamba layers keep only what they need, in groups that share "
        "the pool (vLLM's hybrid KV cache manager; allocator paged). uniform: every layer keeps "
        "every token."),
    word_field(
        "/cache/mamba_cache_mode", "auto", "mode",
        [] {
          return std::vector<std::string>{"auto", "none", "align", "all"};
        },
        "Mamba states kept in groups: the running one, the running one at block ends, or one per "
        "block; auto is align if prefixes are cached, else none."),
};

DType chosen(const ConfigView& config, const std::string& pointer, DType automatic) {
  return dtype_of(config.text(pointer)).value_or(automatic);
}

KvFormat kv_format(const ModelSpec& model, const ConfigView& config) {
  KvFormat format;
  format.dtype = chosen(config, "/cache/kv_cache_dtype", model.activation);
  const std::string scales = config.text("/cache/kv_scales");
  if (scales == "channel") format.scales = KvScales::kChannel;
  if (scales == "token") format.scales = KvScales::kToken;
  constexpr std::int64_t kFp32Bits = 32;
  if (config.text("/cache/kv_scale_dtype") == "fp32") format.scale_bits = kFp32Bits;
  if (format.scales != KvScales::kTensor && !is_quantised(format.dtype))
    config.fail("/cache/kv_scales",
                fmt::format("'{}' needs a quantised cache, and kv_cache_dtype is {}; set it to "
                            "fp8, int8 or int4",
                            scales, word_of(format.dtype)));
  return format;
}

std::int64_t data_parallel(const ModelSpec& model, const ConfigView& config) {
  const std::int64_t ranks = config.integer("/data_parallel_size");
  if (ranks == 1) return ranks;
  if (!model.experts)
    config.fail("/data_parallel_size",
                fmt::format("the ranks of {} would share nothing, it has no experts; use /replicas",
                            model.name));
  if (!config.boolean("/enable_expert_parallel"))
    config.fail("/data_parallel_size",
                "ranks are modelled that share whole experts; set enable_expert_parallel too, or "
                "use /replicas");
  return ranks;
}

/// GPUs that whole experts are dealt out to; 1: experts are cut.
std::int64_t expert_parallel(const ModelSpec& model, const ConfigView& config) {
  if (!config.boolean("/enable_expert_parallel")) return 1;
  if (!model.experts)
    config.fail("/enable_expert_parallel", fmt::format("{} has no experts", model.name));
  const std::int64_t gpus = config.integer("/tensor_parallel_size") * data_parallel(model, config);
  if (gpus > model.experts->count)
    config.fail("/enable_expert_parallel",
                fmt::format("{} experts cannot be dealt out to {} GPUs; use less "
                            "tensor_parallel_size or data_parallel_size",
                            model.experts->count, gpus));
  return gpus;
}

Sharding sharding(const ModelSpec& model, const ConfigView& config) {
  const Sharding shards{config.integer("/tensor_parallel_size"),
                        config.integer("/pipeline_parallel_size"), expert_parallel(model, config)};
  if (const auto problem = sharding_problem(model, {.tensor = shards.tensor}))
    config.fail("/tensor_parallel_size", *problem);
  const auto layers = static_cast<std::int64_t>(model.layers.size());
  if (shards.pipeline > layers)
    config.fail("/pipeline_parallel_size",
                fmt::format("expected at most {}, one per layer, got {}", layers, shards.pipeline));
  return shards;
}

Tokens max_model_len(const ModelSpec& model, const ConfigView& config) {
  if (!config.has("/max_model_len")) return model.max_positions;
  const Tokens wanted(config.integer("/max_model_len"));
  if (wanted > model.max_positions)
    config.fail("/max_model_len",
                fmt::format("expected at most {}, the max_position_embeddings of {}, got {}",
                            model.max_positions.value(), model.name, wanted.value()));
  return wanted;
}

KvGroup::MambaMode mamba_mode(const ConfigView& config) {
  const std::string word = config.text("/cache/mamba_cache_mode");
  if (word == "all") return KvGroup::MambaMode::kAll;
  const bool align =
      word == "align" || (word == "auto" && config.boolean("/cache/enable_prefix_caching"));
  return align ? KvGroup::MambaMode::kAlign : KvGroup::MambaMode::kNone;
}

}  // namespace

LayoutPlan read_layout_plan(const ModelSpec& model, const ConfigView& config) {
  return {kv_format(model, config), Tokens(config.integer("/cache/block_size")),
          sharding(model, config), max_model_len(model, config), mamba_mode(config)};
}

Deployment read_deployment(const ModelSpec& model, const ConfigView& config) {
  const LayoutPlan plan = read_layout_plan(model, config);
  // The other allocators know one kind of block only.
  const bool grouped =
      config.text("/cache/groups") == "model" && config.text("/cache/allocator") == "paged";
  return {chosen(config, "/dtype", model.stored),
          plan.kv,
          plan.shards,
          data_parallel(model, config),
          plan.max_model_len,
          grouped,
          grouped ? grouped_layout(model, plan) : uniform_layout(model, plan)};
}

}  // namespace kvsim
