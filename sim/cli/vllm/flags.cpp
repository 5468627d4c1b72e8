#include "sim/cli/vllm/flags.h"

#include <array>

namespace kvsim {
namespace {

using Kind = VllmFlag::Kind;

constexpr VllmFlag field(std::string_view name, std::string_view pointer,
                         std::string_view letters = "") {
  return {name, letters, Kind::kField, true, pointer, ""};
}
constexpr VllmFlag flip(std::string_view name, std::string_view pointer) {
  return {name, "", Kind::kSwitch, false, pointer, ""};
}
constexpr VllmFlag special(std::string_view name, Kind kind, std::string_view letters = "") {
  return {name, letters, kind, kind != Kind::kUniform, "", ""};
}
constexpr VllmFlag harmless(std::string_view name, bool takes_value = true) {
  return {name, "", Kind::kNothing, takes_value, "", ""};
}
constexpr VllmFlag missing(std::string_view name, bool takes_value, std::string_view why) {
  return {name, "", Kind::kNotModelled, takes_value, "", why};
}

// In the order in which a serve line is written.
constexpr std::array kFlags{
    special("model", Kind::kModel),
    field("tensor_parallel_size", "/tensor_parallel_size", "tp"),
    field("pipeline_parallel_size", "/pipeline_parallel_size", "pp"),
    special("data_parallel_size", Kind::kReplicas, "dp"),
    special("dtype", Kind::kDtype),
    special("quantization", Kind::kQuantised, "q"),
    field("max_model_len", "/max_model_len"),
    field("gpu_memory_utilization", "/cache/gpu_memory_utilization"),
    field("block_size", "/cache/block_size"),
    special("kv_cache_dtype", Kind::kKvDtype),
    field("num_gpu_blocks_override", "/cache/num_gpu_blocks_override"),
    field("swap_space", "/cache/swap_space"),
    flip("enable_prefix_caching", "/cache/enable_prefix_caching"),
    special("disable_hybrid_kv_cache_manager", Kind::kUniform),
    field("mamba_cache_mode", "/cache/mamba_cache_mode"),
    field("max_num_seqs", "/scheduler/max_num_seqs"),
    field("max_num_batched_tokens", "/scheduler/max_num_batched_tokens"),
    flip("enable_chunked_prefill", "/scheduler/enable_chunked_prefill"),
    field("long_prefill_token_threshold", "/scheduler/long_prefill_token_threshold"),
    field("scheduling_policy", "/scheduler/policy"),
    flip("async_scheduling", "/scheduler/async_scheduling"),
    special("speculative_config", Kind::kDrafts, "sc"),

    missing("enforce_eager", false, "no CUDA graphs: each step takes longer"),
    missing("compilation_config", true, "graphs and fusions change step times"),
    missing("optimization_level", true, "graphs and fusions change step times"),
    missing("attention_backend", true, "prices are those of one kernel"),
    missing("kv_transfer_config", true, "KV moves between engines, or to a store"),
    missing("kv_offloading_size", true, "KV moves to host memory"),
    missing("kv_offloading_backend", true, "KV moves to host memory"),
    missing("kv_cache_memory_bytes", true, "the pool's size; give its blocks, or --vllm-log"),
    missing("cpu_offload_gb", true, "weights are read over the host link"),
    missing("enable_expert_parallel", false, "experts are cut like other matrices"),
    missing("enable_eplb", false, "experts are taken to be balanced"),
    missing("decode_context_parallel_size", true, "KV is cut along the sequence"),
    missing("enable_dbo", false, "two batches overlap"),
    missing("enable_lora", false, "adapters take memory and time"),
    missing("max_loras", true, "adapters take memory and time"),
    missing("disable_sliding_window", false, "windows shorten what is attended to"),
    missing("hf_overrides", true, "the model's own shape changes"),
    missing("rope_scaling", true, "the model's longest sequence changes"),
    missing("max_num_partial_prefills", true, "prompts are chunked side by side"),
    missing("max_long_partial_prefills", true, "prompts are chunked side by side"),
    missing("preemption_mode", true, "vLLM V1 recomputes"),
    missing("num_scheduler_steps", true, "several steps are planned at once"),
    missing("num_lookahead_slots", true, "slots are kept for guesses"),
    missing("stream_interval", true, "tokens are sent several at a time"),
    missing("load_format", true, "a format such as bitsandbytes changes the weights' size"),
    missing("limit_mm_per_prompt", true, "encoders take memory"),
    missing("task", true, "only generation is modelled"),
    missing("runner", true, "only generation is modelled"),

    harmless("host"),
    harmless("port"),
    harmless("uds"),
    harmless("root_path"),
    harmless("api_key"),
    harmless("api_server_count"),
    harmless("served_model_name"),
    harmless("trust_remote_code", false),
    harmless("tokenizer"),
    harmless("tokenizer_mode"),
    harmless("tokenizer_revision"),
    harmless("skip_tokenizer_init", false),
    harmless("revision"),
    harmless("code_revision"),
    harmless("download_dir"),
    harmless("config_format"),
    harmless("generation_config"),
    harmless("override_generation_config"),
    harmless("chat_template"),
    harmless("chat_template_content_format"),
    harmless("response_role"),
    harmless("enable_auto_tool_choice", false),
    harmless("tool_call_parser"),
    harmless("tool_parser_plugin"),
    harmless("reasoning_parser"),
    harmless("enable_reasoning", false),
    harmless("guided_decoding_backend"),
    harmless("structured_outputs_config"),
    harmless("seed"),
    harmless("max_logprobs"),
    harmless("logprobs_mode"),
    harmless("disable_log_requests", false),
    harmless("enable_log_requests", false),
    harmless("disable_log_stats", false),
    harmless("max_log_len"),
    harmless("uvicorn_log_level"),
    harmless("disable_uvicorn_access_log", false),
    harmless("allow_credentials", false),
    harmless("allowed_origins"),
    harmless("allowed_methods"),
    harmless("allowed_headers"),
    harmless("ssl_keyfile"),
    harmless("ssl_certfile"),
    harmless("ssl_ca_certs"),
    harmless("middleware"),
    harmless("enable_server_load_tracking", false),
    harmless("enable_prompt_tokens_details", false),
    harmless("enable_force_include_usage", false),
    harmless("enable_request_id_headers", false),
    harmless("show_hidden_metrics_for_version"),
    harmless("otlp_traces_endpoint"),
    harmless("collect_detailed_traces"),
    harmless("prefix_caching_hash_algo"),
    harmless("calculate_kv_scales", false),
    harmless("distributed_executor_backend"),
    harmless("disable_custom_all_reduce", false),
    harmless("worker_cls"),
    harmless("data_parallel_backend"),
    harmless("data_parallel_address"),
    harmless("data_parallel_rpc_port"),
    harmless("enable_sleep_mode", false),
    harmless("headless", false),
    harmless("disable_frontend_multiprocessing", false),
};

}  // namespace

std::span<const VllmFlag> vllm_flags() { return kFlags; }

}  // namespace kvsim
