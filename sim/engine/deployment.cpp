#include "sim/engine/deployment.h"

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field("/dtype", "auto", "dtype", dtype_words,
               "Weights: auto is what the checkpoint holds; the KV cache has its own dtype."),
    integer_field("/tensor_parallel_size", "1", "GPUs", 1, 1024,
                  "GPUs that share every layer; KV heads are copied once there are more GPUs."),
    integer_field("/pipeline_parallel_size", "1", "GPUs", 1, 512,
                  "Runs of layers on GPUs of their own."),
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
        "Scales of a quantised KV cache: one per layer, or fp16 ones per channel and block, or per "
        "token and head."),
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
  if (format.scales != KvScales::kTensor && !is_quantised(format.dtype))
    config.fail("/cache/kv_scales",
                fmt::format("'{}' needs a quantised cache, and kv_cache_dtype is {}; set it to "
                            "fp8, int8 or int4",
                            scales, word_of(format.dtype)));
  return format;
}

Sharding sharding(const ModelSpec& model, const ConfigView& config) {
  const Sharding shards{config.integer("/tensor_parallel_size"),
                        config.integer("/pipeline_parallel_size")};
  if (const auto problem = sharding_problem(model, {shards.tensor, 1}))
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

}  // namespace

Deployment read_deployment(const ModelSpec& model, const ConfigView& config) {
  return {chosen(config, "/dtype", model.stored), kv_format(model, config), sharding(model, config),
          Tokens(config.integer("/cache/block_size")), max_model_len(model, config)};
}

}  // namespace kvsim
