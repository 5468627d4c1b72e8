#include "sim/engine/sizing.h"

#include <algorithm>
#include <cmath>

#include "sim/core/config_schema.h"
#include "sim/engine/drafter.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/cache/gpu_memory_utilization", "0.92", "", 0.01, 1,
                 "Share of a GPU's memory that vLLM may fill."),
    integer_field("/cache/num_gpu_blocks_override", "null", "blocks", 2, 100'000'000,
                  "Take this many blocks instead of computing them, as read in a vLLM log."),
    number_field("/cache/swap_space", "4", "GiB per GPU", 0, 10'000,
                 "Host memory for sequences that are swapped out (vllm-v0 over paged)."),
    number_field("/runtime_gib", "null", "GiB per GPU", 0, 10'000,
                 "Memory that is neither weights nor KV; null estimates it."),
};

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

double gib(Bytes bytes) { return static_cast<double>(bytes.value()) / kGib; }

// What a vLLM process holds besides weights and KV, per GPU: estimates, chosen so that the block
// counts printed by five vLLM runs of 2026 (7B to 70B, one to four H100s) come out within 0.2 %.
// They were fitted to those runs, so those runs do not test them.
constexpr double kContextBytes = 0.25 * kGib;       // CUDA context, workspaces, captured graphs
constexpr double kCommunicatorBytes = 0.40 * kGib;  // NCCL and custom all-reduce buffers
constexpr std::int64_t kWide = 2;                   // bytes of an activation

// The widest moment of a forward pass: gate and up outputs with their product, and the residual
// stream in and out.
std::int64_t activation_bytes(const ModelSpec& model, std::int64_t tensor, std::int64_t tokens) {
  std::int64_t widest = model.feed_forward.intermediate;
  if (model.experts)
    widest = std::max(widest, model.experts->per_token * model.experts->intermediate +
                                  model.experts->shared_intermediate);
  return tokens * kWide * (2 * model.hidden + 3 * widest / tensor);
}

Bytes runtime_bytes(const ModelSpec& model, const Sharding& shards, const ConfigView& config,
                    const BatchLimits& limits) {
  if (config.has("/runtime_gib")) return Bytes(std::llround(config.number("/runtime_gib") * kGib));
  const bool alone = shards.tensor * shards.pipeline * shards.expert == 1;
  const double communicators = alone ? 0 : kCommunicatorBytes;
  return Bytes(std::llround(kContextBytes + communicators) +
               activation_bytes(model, shards.tensor, limits.tokens));
}

std::int64_t layers_per_gpu(std::int64_t layers, const Sharding& shards) {
  return std::min(layers, (layers + shards.pipeline - 1) / shards.pipeline);
}

/// Mamba state of one sequence on the fullest GPU.
Bytes state_per_gpu(const ModelSpec& model, const Sharding& shards) {
  return state_layer_bytes(model, shards.tensor) *
         layers_per_gpu(model.layer_count(Mixer::kMamba), shards);
}

/// "bf16", "int8 with scales per token and head".
std::string format_words(const KvFormat& format) {
  std::string words(word_of(format.dtype));
  if (is_quantised(format.dtype) && format.scales == KvScales::kToken)
    words += " with scales per token and head";
  if (is_quantised(format.dtype) && format.scales == KvScales::kChannel)
    words += " with scales of V; K's per channel come with blocks";
  return words;
}

/// "tensor_parallel_size 8, experts over 16 GPUs".
std::string shard_words(const Sharding& shards) {
  std::string words = fmt::format("tensor_parallel_size {}", shards.tensor);
  if (shards.expert > 1) words += fmt::format(", experts over {} GPUs", shards.expert);
  return words;
}

std::string block_contents(const KvLayout& layout) {
  if (layout.groups.size() == 1) return fmt::format("{} tokens", layout.block.value());
  return fmt::format("{} tokens of {} layers, in one of {} groups", layout.block.value(),
                     layout.slots, layout.groups.size());
}

void write_ladder(KvBudget& b, const ModelSpec& model, const DeviceSpec& device,
                  const ConfigView& config, const Deployment& d,
                  const std::optional<Drafter>& drafter, const BatchLimits& limits) {
  const bool said = config.has("/runtime_gib");
  const auto line = [&b](std::string label, std::int64_t value, std::string unit, Certainty how,
                         std::string why) {
    b.ladder.push_back({std::move(label), value, std::move(unit), how, std::move(why)});
  };
  line("memory of a GPU", b.total.value(), "bytes", Certainty::kEstimated,
       fmt::format("{}; drivers differ by some 0.1 GiB", device.title));
  line("usable", b.requested.value(), "bytes", Certainty::kExact,
       fmt::format("gpu_memory_utilization {}", config.number("/cache/gpu_memory_utilization")));
  line("weights", -b.weights.value(), "bytes",
       is_quantised(d.weights) ? Certainty::kEstimated : Certainty::kExact,
       fmt::format("{} in {}, {}", model.name, word_of(d.weights), shard_words(d.shards)));
  if (drafter)
    line("drafter", -b.drafter.value(), "bytes",
         is_quantised(drafter->weights) || !drafter->own_head ? Certainty::kEstimated
                                                              : Certainty::kExact,
         fmt::format("weights of {}, which guesses tokens ahead", drafter->model.name));
  line("runtime", -b.runtime.value(), "bytes", said ? Certainty::kExact : Certainty::kEstimated,
       said ? "runtime_gib"
            : fmt::format("context, graphs, activations of {} tokens", limits.tokens));
  if (b.state > Bytes())
    line("Mamba state", -b.state.value(), "bytes", Certainty::kExact,
         fmt::format("{} sequences, whatever their length", limits.sequences));
  if (b.scales > Bytes())
    line("KV scales", -b.scales.value(), "bytes", Certainty::kExact,
         "of K and of V in every layer");
  line("left for KV", b.available.value(), "bytes",
       said ? Certainty::kExact : Certainty::kEstimated, "per GPU");
  const std::string more =
      drafter ? fmt::format(" and {} of {}", drafter->model.attention_layers(), drafter->model.name)
              : "";
  line("one token", b.per_token.value(), "bytes", Certainty::kExact,
       fmt::format("{} layers{} in {}, per GPU", layers_per_gpu(model.attention_layers(), d.shards),
                   more, format_words(d.kv)));
  line("one block", b.per_block.value(), "bytes", Certainty::kExact, block_contents(b.layout));
  const bool pinned = config.has("/cache/num_gpu_blocks_override");
  line("blocks", b.blocks.value(), "blocks",
       pinned || said ? Certainty::kExact : Certainty::kEstimated,
       pinned ? "num_gpu_blocks_override" : "left for KV / one block");
  const Certainty sure = pinned || said ? Certainty::kExact : Certainty::kEstimated;
  line("capacity", vllm_tokens(b.layout, b.blocks).value(), "tokens", sure,
       b.layout.groups.size() == 1 ? "blocks * tokens of a block"
                                   : "as vLLM counts: had every group every token");
}

/// Would a block be left with these weights instead?
bool would_fit(const KvBudget& budget, Bytes weights) {
  return budget.available + budget.weights - weights > budget.per_block;
}

/// "tensor_parallel_size 4, dtype fp8, a larger device": what is sure to help, cheapest first.
std::string cures(const ModelSpec& model, const KvBudget& budget, const Deployment& d) {
  std::string text;
  constexpr std::int64_t kMostGpus = 64;
  for (std::int64_t ways = 2 * d.shards.tensor; ways <= kMostGpus; ways *= 2) {
    const std::int64_t expert = d.shards.expert > 1 ? d.data_parallel * ways : 1;
    const Sharding shards{ways, d.shards.pipeline, expert};
    if (sharding_problem(model, shards)) continue;
    if (!would_fit(budget, weight_bytes(count_parameters(model, shards), d.weights))) continue;
    text += fmt::format("tensor_parallel_size {}, ", ways);
    break;
  }
  const ParameterCount held = count_parameters(model, d.shards);
  for (const DType type : {DType::kFp8, DType::kInt4}) {
    if (bits_of(type) >= bits_of(d.weights) || !would_fit(budget, weight_bytes(held, type)))
      continue;
    text += fmt::format("dtype {}, ", word_of(type));
    break;
  }
  return text + "or a larger device";
}

[[noreturn]] void refuse_too_small(const ModelSpec& model, const DeviceSpec& device,
                                   const ConfigView& config, const KvBudget& b) {
  config.fail("/device",
              fmt::format("no room for KV on {}: {:.2f} GiB usable - {:.2f} weights - {:.2f} "
                          "runtime and state = {:.2f} GiB per GPU; try {}",
                          device.name, gib(b.requested), gib(b.weights + b.drafter),
                          gib(b.runtime + b.state), gib(b.available),
                          cures(model, b, read_deployment(model, config))));
}

/// The longest request whose blocks there are.
Tokens longest_served(const KvBudget& b, Tokens wanted, Tokens step) {
  Tokens fits;
  Tokens fails = wanted;
  while (fails - fits > Tokens(1)) {
    const Tokens middle((fits.value() + fails.value()) / 2);
    (most_blocks(b.layout, middle, step) > b.blocks ? fails : fits) = middle;
  }
  return fits;
}

[[noreturn]] void refuse_too_long(const DeviceSpec& device, const ConfigView& config,
                                  const KvBudget& b, Tokens longest, Tokens step) {
  config.fail("/max_model_len",
              fmt::format("one request of {} tokens does not fit the {} tokens of KV left on {}; "
                          "set it to at most {}, or use more GPUs (tensor_parallel_size), "
                          "a smaller kv_cache_dtype or a larger device",
                          longest.value(), b.capacity.value(), device.name,
                          longest_served(b, longest, step).value()));
}

}  // namespace

Tokens vllm_tokens(const KvLayout& layout, Blocks blocks) {
  const auto groups = static_cast<std::int64_t>(layout.groups.size());
  return Tokens(blocks.value() / groups * layout.block.value());
}

std::string_view word_of(Certainty certainty) {
  switch (certainty) {
    case Certainty::kExact:
      return "exact";
    case Certainty::kMeasured:
      return "measured";
    case Certainty::kEstimated:
      return "estimated";
  }
  return "";
}

KvBudget estimate_kv(const ModelSpec& model, const DeviceSpec& device, const ConfigView& config,
                     BatchLimits limits) {
  const Deployment d = read_deployment(model, config);
  const auto drafter = load_drafter(model, d, config);
  const std::int64_t layers = layers_per_gpu(model.attention_layers(), d.shards);
  const KvLayerBytes layer = kv_layer_bytes(model, d.kv, d.shards.tensor);
  KvBudget b;
  b.total = device.memory;
  b.requested = Bytes(std::llround(std::ceil(static_cast<double>(device.memory.value()) *
                                             config.number("/cache/gpu_memory_utilization"))));
  b.weights = weight_bytes(count_parameters(model, d.shards), d.weights);
  b.runtime = runtime_bytes(model, d.shards, config, limits);
  if (!d.grouped) b.state = state_per_gpu(model, d.shards) * limits.sequences;
  b.scales = layer.fixed * layers;
  if (drafter) b.drafter = drafter->weights_per_gpu(d.shards.tensor);
  b.available = b.requested - b.weights - b.drafter - b.runtime - b.state - b.scales;
  b.layout = d.layout;
  b.per_block = d.layout.block_bytes();
  b.per_token = Bytes((layer.token_bits * layers + 7) / 8);
  if (drafter) {
    b.per_block += drafter->kv_block_bytes(d);
    b.per_token += kv_token_bytes(drafter->model, d.kv, d.shards.tensor);
  }
  b.blocks = Blocks(std::max<std::int64_t>(0, b.available.value() / b.per_block.value()));
  if (config.has("/cache/num_gpu_blocks_override"))
    b.blocks = Blocks(config.integer("/cache/num_gpu_blocks_override"));
  b.capacity = Tokens(b.blocks.value() * b.layout.block.value());
  write_ladder(b, model, device, config, d, drafter, limits);
  return b;
}

Tokens swap_capacity(const KvBudget& budget, const ConfigView& config) {
  const Bytes space(std::llround(config.number("/cache/swap_space") * kGib));
  return budget.layout.block * (space / budget.per_block);
}

KvBudget size_kv(const ModelSpec& model, const DeviceSpec& device, const ConfigView& config,
                 BatchLimits limits) {
  KvBudget b = estimate_kv(model, device, config, limits);
  if (config.has("/cache/num_gpu_blocks_override")) return b;
  if (b.blocks < Blocks(2)) refuse_too_small(model, device, config, b);
  const Tokens longest = read_deployment(model, config).max_model_len;
  if (most_blocks(b.layout, longest, Tokens(limits.tokens)) > b.blocks)
    refuse_too_long(device, config, b, longest, Tokens(limits.tokens));
  return b;
}

}  // namespace kvsim
