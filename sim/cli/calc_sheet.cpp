#include "sim/cli/calc_sheet.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "sim/engine/catalog.h"
#include "sim/engine/drafter.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

/// What both budgets come down to.
struct Budget {
  std::vector<LadderLine> ladder;
  Certainty certainty = Certainty::kExact;
  Bytes kv;  // of one replica
  Blocks blocks;
};

struct Parts {
  explicit Parts(const ConfigView& config)
      : model(load_model(config)),
        device(load_device(config)),
        deployment(read_deployment(model, config)),
        drafter(load_drafter(model, deployment, config)) {}
  ModelSpec model;
  DeviceSpec device;
  Deployment deployment;
  std::optional<Drafter> drafter;
  [[nodiscard]] std::int64_t gpus() const {
    return deployment.shards.tensor * deployment.shards.pipeline;
  }
  /// Over all GPUs of a replica, copies of KV heads counted.
  [[nodiscard]] Bytes of_replica(Bytes rank) const { return rank * deployment.shards.tensor; }
  /// One block of one group.
  [[nodiscard]] Bytes block_bytes() const {
    return of_replica(deployment.layout.page * deployment.layout.group_layers + drafter_block());
  }
  [[nodiscard]] Tokens tokens(Blocks blocks) const {
    return vllm_tokens(deployment.layout, blocks);
  }
  [[nodiscard]] Bytes token_bytes() const {
    const std::int64_t ways = deployment.shards.tensor;
    const Bytes own = kv_token_bytes(model, deployment.kv, ways);
    return of_replica(drafter ? own + kv_token_bytes(drafter->model, deployment.kv, ways) : own);
  }
  /// What whoever guesses tokens ahead adds to a block of a rank.
  [[nodiscard]] Bytes drafter_block() const {
    return drafter ? drafter->kv_block_bytes(deployment) : Bytes();
  }
};

Budget vllm_budget(const CalcRequest& request, const Parts& parts) {
  const KvBudget b = estimate_kv(parts.model, parts.device, request.config, request.limits);
  return {b.ladder, b.ladder.back().certainty, b.available * parts.gpus(), b.blocks};
}

Budget pooled_budget(const CalcRequest& request, const Parts& parts) {
  const KvBudget per_gpu = estimate_kv(parts.model, parts.device, request.config, request.limits);
  const std::int64_t gpus = parts.gpus();
  Budget b;
  const auto line = [&b](std::string label, Bytes value, Certainty how, std::string why) {
    if (how == Certainty::kEstimated) b.certainty = how;
    b.ladder.push_back({std::move(label), value.value(), "bytes", how, std::move(why)});
    return value;
  };
  if (request.kv) {
    b.kv = line("left for KV", *request.kv, Certainty::kExact, "as given");
  } else {
    Bytes left = line("memory of the GPUs", parts.device.nominal * gpus, Certainty::kExact,
                      fmt::format("{} x {}, as the box says", gpus, parts.device.title));
    if (request.utilization_given) {
      const double share = request.config.number("/cache/gpu_memory_utilization");
      left = line("usable", Bytes(std::llround(static_cast<double>(left.value()) * share)),
                  Certainty::kExact, fmt::format("gpu_memory_utilization {}", share));
    }
    const auto given = [](const std::optional<Bytes>& said, Bytes computed, Certainty how) {
      return said ? std::pair(*said, Certainty::kExact) : std::pair(computed, how);
    };
    const Certainty sure =
        is_quantised(parts.deployment.weights) ? Certainty::kEstimated : Certainty::kExact;
    const auto [weights, weights_how] = given(request.weights, per_gpu.weights * gpus, sure);
    left += line("weights", -weights, weights_how,
                 request.weights ? "as given"
                                 : fmt::format("{} in {}", parts.model.name,
                                               word_of(parts.deployment.weights)));
    if (parts.drafter)
      left += line("drafter", -(per_gpu.drafter * gpus), Certainty::kEstimated,
                   fmt::format("weights of {}", parts.drafter->model.name));
    const auto [runtime, runtime_how] =
        given(request.runtime, per_gpu.runtime * gpus, Certainty::kEstimated);
    left += line("runtime", -runtime, runtime_how,
                 request.runtime ? "as given" : "context, graphs, activations");
    if (per_gpu.state > Bytes())
      left += line("Mamba state", -(per_gpu.state * gpus), Certainty::kExact,
                   fmt::format("{} sequences", request.limits.sequences));
    b.kv = line("left for KV", left, b.certainty, "on all GPUs");
  }
  line("one token", parts.token_bytes(), Certainty::kExact,
       fmt::format("{} layers in {}, all GPUs", parts.model.attention_layers(),
                   word_of(parts.deployment.kv.dtype)));
  line("one block", parts.block_bytes(), Certainty::kExact,
       fmt::format("{} tokens", parts.deployment.layout.block.value()));
  b.blocks = Blocks(std::max<std::int64_t>(0, b.kv / parts.block_bytes()));
  b.ladder.push_back(
      {"blocks", b.blocks.value(), "blocks", b.certainty, "left for KV / one block"});
  b.ladder.push_back({"capacity", parts.tokens(b.blocks).value(), "tokens", b.certainty,
                      per_gpu.ladder.back().why});
  return b;
}

Budget budget_of(const CalcRequest& request, const Parts& parts) {
  return request.pooled() ? pooled_budget(request, parts) : vllm_budget(request, parts);
}

void fill_concurrency(CalcSheet& sheet, const Parts& parts, std::vector<Tokens> contexts,
                      Tokens images) {
  constexpr std::int64_t kShort = 4096;
  constexpr std::int64_t kLong = 32'768;
  if (contexts.empty()) contexts = {Tokens(kShort), Tokens(kLong), parts.deployment.max_model_len};
  std::sort(contexts.begin(), contexts.end());
  contexts.erase(std::unique(contexts.begin(), contexts.end()), contexts.end());
  const Blocks of_replica(sheet.blocks.value() / sheet.replicas);
  for (const Tokens context : contexts) {
    const Blocks one = blocks_held(parts.deployment.layout, context, images);
    std::int64_t requests = of_replica / one * sheet.replicas;
    if (sheet.most_sequences > 0) requests = std::min(requests, sheet.most_sequences);
    sheet.concurrency.push_back({context, one, parts.block_bytes() * one.value(), requests,
                                 uniform_waste(parts.model, context, images)});
  }
}

void fill_textbook(CalcSheet& sheet) {
  constexpr double kKilo = 1000;
  constexpr std::int64_t kKibi = 1024;
  CalcSheet::Textbook& book = sheet.textbook;
  book.token_kb = static_cast<double>(sheet.token_bytes.value()) / static_cast<double>(kKibi);
  book.tokens = std::max(0.0, static_cast<double>(sheet.kv.value())) / (book.token_kb * kKilo);
  for (const CalcSheet::Concurrency& row : sheet.concurrency) {
    if (row.context.value() % kKibi != 0) continue;
    const std::int64_t kilotokens = row.context.value() / kKibi;
    book.requests.push_back({kilotokens, book.tokens / (static_cast<double>(kilotokens) * kKilo)});
  }
}

// The model with other KV heads, and with DeepSeek-V3's latent in their place.
void fill_variants(CalcSheet& sheet, const Parts& parts) {
  constexpr std::int64_t kUsualGroup = 8;  // query heads per KV head in Llama 3 70B and others
  const AttentionShape& a = parts.model.attention;
  const std::int64_t own = parts.model.latent ? 0 : a.kv_heads;
  const std::int64_t grouped =
      own > 1 && own < a.heads ? own : std::max<std::int64_t>(1, a.heads / kUsualGroup);
  ModelSpec m = parts.model;
  m.latent.reset();
  // MLA's heads are wider for keys than for values; the mean of the two counts for both.
  if (const auto& l = parts.model.latent)
    m.attention.head_dim = (l->nope_dim + l->rope_dim + l->value_dim) / 2;
  const auto add = [&sheet, &m, &parts](std::string name, bool this_one) {
    const Bytes layer = kv_layer_bytes(m, parts.deployment.kv).of_block(Tokens(1));
    const Bytes token = kv_token_bytes(m, parts.deployment.kv);
    const double mha = sheet.variants.empty()
                           ? static_cast<double>(token.value())
                           : static_cast<double>(sheet.variants.front().per_token.value());
    sheet.variants.push_back(
        {std::move(name), layer, token, mha / static_cast<double>(token.value()), this_one});
  };
  m.attention.kv_heads = a.heads;
  add(fmt::format("MHA, {} KV heads", a.heads), own == a.heads);
  m.attention.kv_heads = grouped;
  if (grouped > 1 && grouped < a.heads)
    add(fmt::format("GQA, {} KV heads", grouped), own == grouped);
  m.attention.kv_heads = 1;
  if (a.heads > 1) add("MQA, 1 KV head", own == 1);
  m.latent = parts.model.latent.value_or(LatentShape{1536, 512, 64, 128, 128});
  add(fmt::format("MLA, latent of {} + {}", m.latent->kv_rank, m.latent->rope_dim), own == 0);
}

Tokens capacity_of(const CalcRequest& request) {
  const Parts parts(request.config);
  const std::int64_t replicas = std::max<std::int64_t>(1, request.gpus / parts.gpus());
  return parts.tokens(budget_of(request, parts).blocks) * replicas;
}

/// Built-in devices with clearly more memory than `device`, the smallest first.
std::vector<std::string> larger_devices(const DeviceSpec& device) {
  constexpr double kClearly = 1.1;
  std::vector<std::pair<Bytes, std::string>> found;
  for (const std::string& name : builtin_config_names("devices")) {
    const DeviceSpec other = parse_device(*builtin_config("devices", name), name, name);
    if (static_cast<double>(other.nominal.value()) >
        kClearly * static_cast<double>(device.nominal.value()))
      found.emplace_back(other.nominal, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  names.reserve(found.size());
  for (auto& [memory, name] : found) names.push_back(std::move(name));
  return names;
}

void fill_suggestions(CalcSheet& sheet, const CalcRequest& request, const Parts& parts) {
  const auto consider = [&](const std::string& flags, auto&& change) {
    CalcRequest other = request;
    change(other);
    try {
      const Tokens capacity = capacity_of(other);
      if (capacity <= sheet.capacity) return false;
      sheet.suggestions.push_back({flags, capacity});
      return true;
    } catch (const InputError&) {  // this cannot be combined: nothing to suggest
      return false;
    }
  };
  const auto with = [](const char* pointer, const nlohmann::ordered_json& value) {
    return [pointer, value](CalcRequest& r) { r.config.set(pointer, value, "calc"); };
  };
  if (!is_quantised(parts.deployment.kv.dtype))
    consider("--kv-dtype fp8", with("/cache/kv_cache_dtype", "fp8"));
  if (bits_of(parts.deployment.kv.dtype) > 4)
    consider("--kv-dtype int4 --kv-scales token", [](CalcRequest& r) {
      r.config.set("/cache/kv_cache_dtype", "int4", "calc");
      r.config.set("/cache/kv_scales", "token", "calc");
    });
  if (!is_quantised(parts.deployment.weights)) consider("--dtype fp8", with("/dtype", "fp8"));
  const std::int64_t tensor = parts.deployment.shards.tensor * 2;
  if (!request.kv)
    consider(fmt::format("--tp {}", tensor), [tensor](CalcRequest& r) {
      r.config.set("/tensor_parallel_size", tensor, "calc");
      r.gpus *= 2;
    });
  for (const std::string& device : larger_devices(parts.device))
    if (consider("--device " + device, with("/device", device))) break;
}

}  // namespace

CalcSheet calculate(const CalcRequest& request) {
  const Parts parts(request.config);
  const Budget budget = budget_of(request, parts);
  CalcSheet sheet;
  sheet.model = parts.model.name;
  sheet.device = parts.device.name;
  sheet.deployment = parts.deployment;
  sheet.gpus = request.gpus;
  sheet.replicas = std::max<std::int64_t>(1, request.gpus / parts.gpus());
  sheet.parameters = count_parameters(parts.model).total();
  sheet.active = active_parameters(parts.model);
  sheet.ladder = budget.ladder;
  sheet.certainty = budget.certainty;
  sheet.kv = budget.kv * sheet.replicas;
  sheet.token_bytes = parts.token_bytes();
  sheet.blocks = Blocks(budget.blocks.value() * sheet.replicas);
  sheet.capacity = parts.tokens(budget.blocks) * sheet.replicas;
  sheet.uneven =
      parts.model.layer_count(Mixer::kLocal) + parts.model.layer_count(Mixer::kCross) > 0;
  sheet.longest = parts.model.max_positions;
  if (parts.model.mamba && !sheet.deployment.grouped)
    sheet.most_sequences = request.limits.sequences * sheet.replicas;
  fill_concurrency(sheet, parts, request.contexts, request.images);
  fill_textbook(sheet);
  fill_variants(sheet, parts);
  fill_suggestions(sheet, request, parts);
  return sheet;
}

}  // namespace kvsim
