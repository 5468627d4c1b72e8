#include "sim/engine/drafter.h"

#include <algorithm>

#include "sim/engine/catalog.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

constexpr const char* kModel = "/speculative/model";

Drafter smaller_model(const ModelSpec& target, const Deployment& d, const ConfigView& config) {
  if (!config.has(kModel))
    config.fail(kModel, "method draft_model needs the name of a smaller model");
  Drafter drafter;
  drafter.model = load_draft_model(config);
  drafter.weights = drafter.model.stored;
  if (drafter.model.vocab != target.vocab)
    config.fail(kModel,
                fmt::format("{} has a vocabulary of {} tokens, {} of {}: it cannot guess "
                            "for it",
                            drafter.model.name, drafter.model.vocab, target.name, target.vocab));
  if (const auto problem = sharding_problem(drafter.model, {d.shards.tensor, 1}))
    config.fail(kModel, *problem);
  return drafter;
}

Drafter extra_layer(const ModelSpec& target, const Deployment& d) {
  Drafter drafter{target, d.weights, false};
  const auto& layers = target.layers;
  const auto like = std::find_if(layers.begin(), layers.end(), [](const Layer& l) {
    return l.mixer == Mixer::kAttention || l.mixer == Mixer::kLocal;
  });
  drafter.model.name = "eagle";
  drafter.model.layers.assign(1, like == layers.end() ? Layer{} : *like);
  return drafter;
}

}  // namespace

Bytes Drafter::weights_per_gpu(std::int64_t tensor) const {
  ParameterCount held = count_parameters(model, tensor);
  if (!own_head) held.embeddings = held.head = 0;
  return weight_bytes(held, weights);
}

Bytes Drafter::kv_block_bytes(const Deployment& target) const {
  const KvLayerBytes layer = kv_layer_bytes(model, target.kv, target.shards.tensor);
  const Bytes all = layer.of_block(target.layout.block) * model.attention_layers();
  const auto groups = std::ssize(target.layout.groups);
  return Bytes((all.value() + groups - 1) / groups);
}

std::optional<Drafter> load_drafter(const ModelSpec& target, const Deployment& d,
                                    const ConfigView& config) {
  const Speculation guessing = speculation_of(config);
  if (guessing.model) return smaller_model(target, d, config);
  if (guessing.own_head) return extra_layer(target, d);
  return std::nullopt;
}

}  // namespace kvsim
